"""Templates escape everything they print, and pages carry no script of their own."""

import re

import pytest

from tests.supply.conftest import ROOT

TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
PAGES = [path for path in TEMPLATES if path.suffix == ".html"]
MAILS_AS_TEXT = [path for path in TEMPLATES if path.suffix == ".txt"]

_UNESCAPED = re.compile(r"\|\s*(safe|safeseq)\b|\{%\s*autoescape\s+off|\{%\s*filter\s+safe")
_UNQUOTED = re.compile(r"<[a-z][^<>]*?\s[\w:-]+=\{\{")
_INLINE_SCRIPT = re.compile(
    r"<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+\s*=\s*[\"']|javascript:|hx-on"
)
_OTHER_ORIGIN = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?:https?:)?//")


def _found(pattern: re.Pattern[str], paths) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1} {match.group()}"
        for path in paths
        for text in [path.read_text()]
        for match in pattern.finditer(text)
    ]


def test_no_page_and_no_html_mail_prints_anything_unescaped():
    assert len(PAGES) > 100
    assert _found(_UNESCAPED, PAGES) == []


def test_only_plain_text_mails_go_without_html_escaping():
    elsewhere = [path for path in MAILS_AS_TEXT if "email" not in path.parts]
    assert _found(_UNESCAPED, elsewhere) == []


def test_every_value_within_a_tag_is_quoted():
    """An unquoted attribute ends at a space, which autoescaping leaves alone."""
    assert _found(_UNQUOTED, PAGES) == []


def test_pages_hold_no_script_and_load_nothing_from_elsewhere():
    assert _found(_INLINE_SCRIPT, PAGES) == []
    assert _found(_OTHER_ORIGIN, PAGES) == []


@pytest.mark.parametrize(
    "bad",
    [
        "{{ name|safe }}",
        "{{ name | safeseq }}",
        "{% autoescape off %}{{ name }}{% endautoescape %}",
        "<a title={{ name }}>x</a>",
        "<script>run()</script>",
        '<a onclick="run()">x</a>',
        '<a href="javascript:run()">x</a>',
        '<script src="https://cdn.example/x.js"></script>',
    ],
)
def test_each_of_these_would_be_seen(bad):
    patterns = (_UNESCAPED, _UNQUOTED, _INLINE_SCRIPT, _OTHER_ORIGIN)
    assert any(pattern.search(bad) for pattern in patterns)


def test_scripts_write_text_and_never_markup_of_their_own():
    forbidden = re.compile(
        r"\.(?:innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function"
    )
    ours = list((ROOT / "static/js").glob("*.js"))
    assert ours
    assert _found(forbidden, ours) == []


def _scripts() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "static/js").glob("*.js")))


def test_scripts_keep_nothing_in_the_browser_but_a_choice_of_the_keyboard() -> None:
    text = _scripts()
    assert not re.search(r"sessionStorage|indexedDB|document\.cookie|caches\.open", text)
    assert re.findall(r"localStorage\.setItem\((\w+),", text) == ["OFF"]


def test_scripts_build_no_objects_from_names_that_data_gives() -> None:
    assert not re.search(
        r"JSON\.parse|Object\.assign|__proto__|\.prototype\b|for \((?:const|let|var) \w+ in ",
        _scripts(),
    )
