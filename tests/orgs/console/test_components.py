"""The console's registry, its filters and its form errors."""

import datetime as dt

import pytest
from django import forms
from django.template import Context, Template

from kernel.clock import now
from kernel.console.registry import Console, NavGroup, Section, console
from kernel.errors import Invalid, LimitReached, Stale
from kernel.templatetags.console import hue, initials, permille, relative, remaining, words
from orgs.doors.console import put_error


@pytest.mark.parametrize(
    ("part", "total", "expected"),
    [(0, 50, 0), (42, 50, 840), (60, 50, 1000), (1, 0, 1000), (0, 0, 0), ("2", "4", 500)],
)
def test_a_meter_stays_within_its_frame(part, total, expected):
    assert permille(part, total) == expected


def test_names_become_initials_and_keep_their_colour():
    assert initials("Ada Okafor") == "AO"
    assert initials("ada.okafor") == "AO"
    assert initials("ada") == "A"
    assert initials("…") == "?"
    assert hue("Ada") == hue("Ada")


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (dt.timedelta(seconds=5), "just now"),
        (dt.timedelta(minutes=1, seconds=5), "1 minute ago"),
        (dt.timedelta(days=3), "3 days ago"),
        (dt.timedelta(hours=-2, seconds=-5), "in 2 hours"),
        (dt.timedelta(seconds=-20), "in a moment"),
    ],
)
def test_moments_are_said_as_people_say_them(ago, expected):
    assert relative(now() - ago) == expected


def test_what_is_left_is_said_in_two_units():
    left = dt.timedelta(days=1, hours=21, minutes=4, seconds=30)
    assert remaining(now() + left) == "1 d 21 h"
    assert remaining(now() - left) == "less than a minute"


def test_keys_become_words():
    assert words("billing_admin") == "Billing admin"
    assert words("api_key") == "API key"


def test_the_registry_refuses_twins_and_unknown_groups():
    section = Section("a", "A", "users", "console:members", "people", "member.read")
    with pytest.raises(ValueError, match="same key"):
        Console(groups=(NavGroup("people"),), sections=(section, section))
    with pytest.raises(ValueError, match="unknown groups"):
        Console(groups=(NavGroup("access"),), sections=(section,))


def test_every_contributed_section_leads_somewhere(world, owner):
    text = owner.get("/o/acme/").content.decode()
    for section in console().sections:
        assert f"</svg>\n{section.title}<" in text, section.key


class _Form(forms.Form):
    name = forms.CharField(required=False)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


def _sent() -> _Form:
    form = _Form({"name": "typed", "version": "1"})
    assert form.is_valid()
    return form


def test_an_error_stands_beside_the_field_that_it_names():
    form = _sent()
    put_error(form, Invalid.field("name", "Choose another name."))
    assert form.errors["name"] == ["Choose another name."]
    assert not form.non_field_errors()


def test_an_error_without_a_field_stands_above_the_form_with_the_way_out():
    form = _sent()
    put_error(form, LimitReached("All seats are taken.", upgrade_url="/seats"))
    text = Template('{% cotton errors :form="form" / %}').render(Context({"form": form}))
    assert "All seats are taken." in text
    assert 'href="/seats"' in text


def test_after_a_lost_update_the_form_takes_the_current_version():
    form = _sent()
    put_error(form, Stale("Changed meanwhile.", current_version=7))
    assert form["version"].value() == "7"
    assert form["name"].value() == "typed"
