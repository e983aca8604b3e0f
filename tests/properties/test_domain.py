"""Any sequence of acts leaves the house true: the domain beside a model of it.

`STEWARD_PROPERTY_EXAMPLES` and `STEWARD_PROPERTY_STEPS` set the size; `make properties`
runs 300 examples of up to 50 steps on both databases (Hypothesis ends some of them earlier: 200
are about 7,000 steps). `STEWARD_PROPERTY_SHRINK=1` makes a failing
sequence as short as can be, which takes its time.
"""

import inspect
import os
import pkgutil
from importlib import import_module

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import identity.actions
import orgs.actions
from tests.properties.machine import Domain
from tests.properties.stage import DONE, REFUSED, STEPS

EXAMPLES = int(os.environ.get("STEWARD_PROPERTY_EXAMPLES", "12"))
PHASES = (Phase.generate, *([Phase.shrink] if "STEWARD_PROPERTY_SHRINK" in os.environ else []))
STEPS_EACH = int(os.environ.get("STEWARD_PROPERTY_STEPS", "30"))

THROUGH = {
    "access_requests": set(),
    "api_keys": {"end_all"},
    "endings": {
        "end_extras",
        "revoke_invitations_by",
        "revoke_invitations_to",
        "leave_all_teams",
        "leave_team",
    },
    "given_roles": {"checked"},
    "invitations": {"link", "mailed_link", "proves_mailbox"},
    "lapses": {"note"},
    "members": {"join", "end_for_deletion", "require_open", "lock", "lock_account"},
    "names": {"validate", "one_line", "is_free", "claim", "taken", "rename"},
    "occupancy": {"begin", "end", "count_owner"},
    "organizations": {"purge_ownerless"},
    "seats": {"take", "require_known", "release", "swap", "seat_limit_reached"},
    "sessions": {"end_all"},
    "teams": {"join", "lock"},
    "key_values": {"name", "scopes", "expiry", "networks", "overlap", "end_of_overlap"},
}
"""Parts of actions: the machine reaches them through the acts that are made of them."""

PROVISIONING = {
    "directory": {
        "add_team", "addresses_in", "count", "drop_team", "enter", "insert", "leave",
        "note_account_changed", "note_changed", "note_many_changed", "note_names_changed",
        "note_offer_changed", "note_places_changed", "note_role_changed", "note_team_changed", "of",
        "opened", "place_as_mapped", "release_all", "rename_team", "store_resource", "touch",
    },
    "managed": {"provisions", "release_all", "require_unmanaged"},
    "provisioned_teams": {
        "delete", "name_for", "promised_role", "set_places", "set_promised", "set_role",
    },
    "provisioning": {"connect", "disconnect", "issue_token", "map_group", "vouch_for_domain"},
    "roles": {"retire"},
    "scim_content": {"organization_role", "team_named", "team_role"},
    "scim_groups": {"change", "create", "delete"},
    "scim_rows": {"as_resource", "different", "locked", "read", "require_free"},
    "scim_users": {"change", "create", "delete"},
    "teams": {"create_empty"},
    "users": {"update_provisioned"},
}  # fmt: skip
"""What identity providers do; tests/identity/scim/test_sequences.py has a machine for it."""


def _public():
    """Yield every public function of the actions' rooms, as module.function."""
    for room in (orgs.actions, identity.actions):
        for found in pkgutil.iter_modules(room.__path__):
            module = import_module(f"{room.__name__}.{found.name}")
            for name, thing in inspect.getmembers(module, inspect.isfunction):
                inner = inspect.unwrap(thing)
                if not name.startswith("_") and inner.__module__ == module.__name__:
                    yield f"{found.name}.{name}"


def _acted():
    """Return every action that a rule names, from the rules' own text."""
    rooms = [base for base in Domain.__mro__ if base.__module__.startswith("tests.properties")]
    text = "".join(map(inspect.getsource, rooms))
    return {name for name in _public() if f'"{name}"' in text}


def test_every_action_is_a_rule_or_a_part_of_one():
    parts = {
        f"{module}.{name}"
        for listed in (THROUGH, PROVISIONING)
        for module, names in listed.items()
        for name in names
    }
    public = set(_public())
    assert len(public) > 80
    assert public - _acted() - parts == set()
    assert parts - public == set(), "these parts are no more"


@pytest.mark.django_db
def test_any_sequence_of_acts_keeps_the_house_true(record_property):
    run_state_machine_as_test(
        Domain,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_EACH,
            deadline=None,
            derandomize="STEWARD_PROPERTY_EXAMPLES" not in os.environ,
            database=None,
            print_blob=True,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )
    told = {
        "steps": STEPS["steps"],
        "acts": STEPS["acts"],
        "done": sum(DONE.values()),
        "refused as predicted": sum(REFUSED.values()),
        "actions done": len(DONE),
        "actions refused": len(REFUSED),
    }
    for name, number in told.items():
        record_property(name, number)
    print(told, "never done:", sorted(_acted() - DONE.keys()))
    if EXAMPLES >= 200:
        assert _acted() <= DONE.keys()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("orgs.actions.endings.leave_all_teams", "only in the rows: \\('place'"),
        ("identity.subscribers._end", "only in the rows: \\('key'"),
        ("orgs.actions.endings.end_extras", "only in the rows: \\('grant'"),
        ("orgs.actions.seats.release", "only in the rows: \\('pool'"),
    ],
)
def test_rights_that_outlive_a_membership_are_found(monkeypatch, fault, found):
    """PyPI had it for two years: removed from the organization, still in the team."""
    monkeypatch.setattr(fault, lambda *_args, **_named: ())
    machine = Domain()
    try:
        machine.first_organization()
        member = machine.furnished["members"][0]
        machine.rows_are_as_the_model_says()
        machine.remove(member=member, n=1)
        with pytest.raises(AssertionError, match=found):
            machine.rows_are_as_the_model_says()
        with pytest.raises(AssertionError):
            machine.nothing_is_broken()
    finally:
        machine.teardown()


@pytest.mark.django_db
def test_an_invitation_that_outlives_a_removal_is_found(monkeypatch):
    machine = Domain()
    try:
        org, carl = machine.first_organization(), machine.first_people().values[3]
        machine.prove_an_address(user=carl, number=1)
        waiting = machine.invite(
            org=org, user=carl, team=None, n=1, role="member", custom=None, seat="full",
            team_role="member",
        )  # fmt: skip
        member = machine.provision(org=org, user=carl, n=0, role="member", custom=None, seat="full")
        machine.rows_are_as_the_model_says()
        assert waiting.state == "open"

        with monkeypatch.context() as broken:
            broken.setattr("orgs.actions.endings.revoke_invitations_to", lambda *_args: None)
            machine.remove(member=member, n=1)
            with pytest.raises(AssertionError, match="only in the rows: \\('invitation'"):
                machine.rows_are_as_the_model_says()
    finally:
        machine.teardown()
