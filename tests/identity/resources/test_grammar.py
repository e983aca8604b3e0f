"""The whole grammar of filters and paths, and every malformed text as a refusal."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.resources.connectives import And, Not, Or
from identity.resources.grammar import (
    AttributePath,
    Comparison,
    Complex,
    Path,
    Present,
    parse_filter,
    parse_path,
)
from identity.resources.refusals import InvalidFilter, InvalidPath

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def at(name, sub=None, urn=None):
    return AttributePath(urn, name, sub)


def eq(name, value, sub=None):
    return Comparison(at(name, sub), "eq", value)


A, B, C = eq("a", 1), eq("b", 2), eq("c", 3)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ('userName eq "bjensen"', eq("userName", "bjensen")),
        ('userName Eq "a"', eq("userName", "a")),
        ('name.familyName co "O\'Malley"', Comparison(at("name", "familyName"), "co", "O'Malley")),
        (f'{CORE}:userName sw "J"', Comparison(at("userName", None, CORE), "sw", "J")),
        (f'{CORE}:name.familyName ew "J"', Comparison(at("name", "familyName", CORE), "ew", "J")),
        (f'{ENTERPRISE}:manager.value eq "26"',
         Comparison(at("manager", "value", ENTERPRISE), "eq", "26")),
        ("title pr", Present(at("title"))),
        ("title PR", Present(at("title"))),
        ('meta.lastModified gt "2011-05-13T04:42:34Z"',
         Comparison(at("meta", "lastModified"), "gt", "2011-05-13T04:42:34Z")),
        ("active eq true", eq("active", True)),
        ("active eq False", eq("active", False)),
        ("title eq null", eq("title", None)),
        ("a eq -1.5e3", eq("a", -1500.0)),
        ('a eq "say \\"hi\\" \\u00e9\\\\"', eq("a", 'say "hi" é\\')),
        ('userName eq "a+b@x.org"', eq("userName", "a+b@x.org")),
        ('userName eq "李"', eq("userName", "李")),
        ("a eq 1 and b eq 2 or c eq 3", Or((And((A, B)), C))),
        ("a eq 1 or b eq 2 and c eq 3", Or((A, And((B, C))))),
        ("(a eq 1 or b eq 2) and c eq 3", And((Or((A, B)), C))),
        ("not (a eq 1)", Not(A)),
        ("NOT(a eq 1) AND b eq 2", And((Not(A), B))),
        ("not (not (a eq 1))", Not(Not(A))),
        ("not pr", Present(at("not"))),
        ('emails[type eq "work"]', Complex(at("emails"), eq("type", "work"))),
        ('emails[type eq "work" and value co "@x"]',
         Complex(at("emails"), And((eq("type", "work"), Comparison(at("value"), "co", "@x"))))),
        ('emails[type eq "work"].value eq "a@x"',
         Complex(at("emails"), And((eq("type", "work"), eq("value", "a@x"))))),
        ('  a   eq   1  ', A),
        ("((a eq 1))", A),
        ('members.$ref eq "x"', Comparison(at("members", "$ref"), "eq", "x")),
    ],
)  # fmt: skip
def test_a_filter_is_read(text, node):
    assert parse_filter(text) == node


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "userName", "userName eq", "eq 1", 'userName = "a"', 'userName eq "a',
        "userName eq 'a'", "userName eq a", "a eq 1 and", "and a eq 1", "(a eq 1", "a eq 1)",
        "a eq 1 b eq 2", "not a eq 1", "emails[", "emails[]", 'emails[type eq "work"',
        'emails[type eq "work"].', "a eq 01", "a eq 1.", "a.b.c eq 1", "1a eq 1", "a..b eq 1",
        ":a eq 1", "x:a eq 1", 'a eq "\\q"', 'a eq "\n"', "a eq 1;", "a eq 1 --", "not ()",
        "a gt", "pr", "a eq " + "9" * 5000, 'a eq "\\ud800"',
        "a pr or " * 300 + "a pr",
        "(" * 100 + "a eq 1" + ")" * 100, "a eq 1 and " * 2000 + "a eq 1",
    ],
)  # fmt: skip
def test_a_malformed_filter_is_refused_with_its_place(text):
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(text)
    assert refused.value.scim_type == "invalidFilter"
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("members", Path(at("members"))),
        ("name.familyName", Path(at("name", "familyName"))),
        ('addresses[type eq "work"]', Path(at("addresses"), eq("type", "work"))),
        ('members[value eq "2819c223"].displayName',
         Path(at("members"), eq("value", "2819c223"), "displayName")),
        (f"{ENTERPRISE}:manager", Path(at("manager", None, ENTERPRISE))),
        (f"{ENTERPRISE}:manager.value", Path(at("manager", "value", ENTERPRISE))),
        (f'{CORE}:emails[type eq "work"].value',
         Path(at("emails", None, CORE), eq("type", "work"), "value")),
        (ENTERPRISE, Path(at("User", None, ENTERPRISE.rpartition(":")[0]))),
        ("urn:a:b:1.0:c", Path(at("c", None, "urn:a:b:1.0"))),
    ],
)  # fmt: skip
def test_a_path_is_read(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "a[", "a[]", "a[b]", "a[b eq 1]c", "a.b[c eq 1]", "a[b eq 1].c.d", "/a", "a,b",
     "a[b eq 1][c eq 2]", "5", ".a", '"a"'],
)  # fmt: skip
def test_a_malformed_path_is_refused(text):
    with pytest.raises(InvalidPath):
        parse_path(text)


SIGNS = 'ab.$:[]()" \\eqprandotf10-,\n李\x00'
SOUP = st.text(st.sampled_from(SIGNS), max_size=40) | st.text(max_size=30)


@given(SOUP)
def test_any_text_is_a_filter_or_refused(text):
    with contextlib.suppress(InvalidFilter):
        parse_filter(text)


@given(SOUP)
def test_any_text_is_a_path_or_refused(text):
    with contextlib.suppress(InvalidPath):
        parse_path(text)
