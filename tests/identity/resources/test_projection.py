"""`attributes` and `excludedAttributes`."""

import pytest

from identity.resources.projection import Projection
from identity.resources.refusals import InvalidValue
from identity.resources.schema import ENTERPRISE_URN, GROUP, USER, USER_URN

ADA = {
    "schemas": [USER_URN, ENTERPRISE_URN],
    "id": "1",
    "userName": "ada",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}],
    "meta": {"resourceType": "User", "version": 'W/"1"'},
    ENTERPRISE_URN: {"department": "D", "division": "N"},
}
KEPT = {"schemas": ADA["schemas"], "id": "1"}


def only(*names):
    return Projection.asked(names, (), USER).of(ADA)


def without(*names):
    return Projection.asked((), names, USER).of(ADA)


@pytest.mark.parametrize(
    ("names", "more"),
    [
        (["userName"], {"userName": "ada"}),
        (["USERNAME", " nothing"], {"userName": "ada"}),
        (["name.familyName"], {"name": {"familyName": "Byron"}}),
        (["name.familyName", "name.givenName"], {"name": ADA["name"]}),
        (["emails.type"], {"emails": [{"type": "work"}, {}]}),
        (["emails.type", "emails.value"], {"emails": ADA["emails"]}),
        ([f"{USER_URN}:userName"], {"userName": "ada"}),
        ([f"{ENTERPRISE_URN}:department"], {ENTERPRISE_URN: {"department": "D"}}),
        ([ENTERPRISE_URN], {ENTERPRISE_URN: ADA[ENTERPRISE_URN]}),
        (["title"], {}),
        (["meta.version"], {"meta": {"version": 'W/"1"'}}),
    ],
)
def test_only_what_is_asked_for_and_what_is_always_there(names, more):
    assert only(*names) == {**KEPT, **more}


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("emails", {k: v for k, v in ADA.items() if k != "emails"}),
        ("id", ADA),
        ("schemas", ADA),
        ("name.familyName", {**ADA, "name": {"givenName": "Ada"}}),
        ("emails.type", {**ADA, "emails": [{"value": "a@x"}, {"value": "b@x"}]}),
        (ENTERPRISE_URN, {k: v for k, v in ADA.items() if k != ENTERPRISE_URN}),
        (f"{ENTERPRISE_URN}:division", {**ADA, ENTERPRISE_URN: {"department": "D"}}),
        ("unknown", ADA),
    ],
)
def test_all_but_what_is_excluded(name, left):
    before = repr(ADA)
    assert without(name) == left
    assert repr(ADA) == before


def test_both_at_once_are_refused():
    with pytest.raises(InvalidValue):
        Projection.asked(["a"], ["b"], USER)


def test_members_that_are_not_shown_need_not_be_read():
    assert not Projection.asked((), ["members"], GROUP).shows("members")
    assert not Projection.asked(["displayName"], (), GROUP).shows("members")
    assert Projection.asked((), ["members.display"], GROUP).shows("members")
    assert Projection.asked(["members.value"], (), GROUP).shows("members")
    assert Projection.asked((), (), GROUP).shows("members")
