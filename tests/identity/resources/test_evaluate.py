"""Filters decided in memory, beside the table of RFC 7644 §3.4.2.2 written down naively."""

import os

import pytest
from hypothesis import given, settings

from identity.resources.bound import bind
from identity.resources.evaluate import matches
from identity.resources.grammar import parse_filter
from identity.resources.refusals import InvalidFilter
from identity.resources.schema import ENTERPRISE_URN, GROUP, USER, USER_URN
from tests.identity.resources.filters import expected, filters, resource

EXAMPLES = int(os.environ.get("STEWARD_SCIM_EXAMPLES", "300"))

ADA = {
    "id": "U1",
    "externalId": "Ext",
    "userName": "Ada@Example.org",
    "active": True,
    "name": {"familyName": "Byron"},
    "emails": [
        {"value": "ada@work.org", "type": "work", "primary": True},
        {"value": "ada@x.org", "type": "home"},
    ],
    "meta": {"created": "2026-01-02T03:04:05Z"},
    ENTERPRISE_URN: {"manager": {"value": "26"}},
}


def holds(text, held=ADA, kind=USER):
    return matches(bind(parse_filter(text), kind), held)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('userName eq "ada@example.ORG"', True),
        (f'{USER_URN}:username eq "ada@example.org"', True),
        ('id eq "u1"', False),
        ('id eq "U1"', True),
        ('externalId eq "ext"', False),
        ('active eq "true"', True),
        ("active ne true", False),
        ('emails co "@x"', True),
        ('emails[type eq "work" and value co "@x"]', False),
        ('emails.type eq "work" and emails.value co "@x"', True),
        ('emails[type eq "work"].value eq "ADA@work.org"', True),
        ("emails[primary eq true]", True),
        ('title ne "x"', True),
        ('not (title eq "x")', True),
        ("title eq null", True),
        ("userName ne null", True),
        ("title pr", False),
        ("emails pr", True),
        ("name pr", True),
        ("name.givenName pr", False),
        ('meta.created gt "2026-01-02T04:04:04+01:00"', True),
        ('meta.created lt "2026-01-02T03:04:05.000Z"', False),
        ('meta.created eq "2026-01-02T03:04:05"', True),
        (f'{ENTERPRISE_URN}:manager.value eq "26"', True),
        (f'{ENTERPRISE_URN}:manager eq "26"', True),
        ('name.familyName eq "byron" and (title pr or active eq true)', True),
    ],
)
def test_a_filter_holds_or_not(text, answer):
    assert holds(text) is answer


def test_members_of_a_group():
    team = {"id": "g", "members": [{"value": "u1"}, {"value": "u2"}]}
    assert holds('id eq "g" and members eq "u2"', team, GROUP)
    assert holds('members[value eq "u1"]', team, GROUP)
    assert not holds('members.value eq "u3"', team, GROUP)
    assert not holds("members pr", {"members": []}, GROUP)


@pytest.mark.parametrize(
    "text",
    [
        'nothing eq "x"', 'name.nick eq "x"', 'name eq "x"', "active gt true", 'active co "t"',
        "active eq 5", "userName eq 5", "userName eq true", "userName gt null",
        'meta.created co "2026"', 'meta.created gt "yesterday"', "meta.created gt 5",
        'title[value eq "x"]', 'emails[nick eq "x"]', 'emails[value.x eq "x"]', 'password eq "x"',
        'urn:x:2.0:User:userName eq "x"', f'{ENTERPRISE_URN} eq "x"', "addresses eq null",
        'emails.value[type eq "x"]', f'emails[{USER_URN}:value eq "x"]',
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(text):
    with pytest.raises(InvalidFilter):
        holds(text)


@settings(max_examples=EXAMPLES)
@given(filters, resource)
def test_any_filter_means_what_the_table_says(text, held):
    node = parse_filter(text)
    assert matches(bind(node, USER), held) is expected(node, held), text
