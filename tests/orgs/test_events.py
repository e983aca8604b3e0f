"""The catalogue of events and what follows them."""

import ast
from pathlib import Path

import pytest

import orgs
from kernel.wiring import wiring
from orgs.events import EVENTS

ACTIONS = Path(orgs.__file__).parent / "actions"

ENDS_ACCESS = {
    "orgs.member.deactivated",
    "orgs.member.left",
    "orgs.member.removed",
    "orgs.organization.deletion_requested",
    "orgs.organization.purged",
    "orgs.service_account.deleted",
    "orgs.team.deleted",
    "orgs.user.deleted",
}


def written_events() -> set[str]:
    """Return every text in the actions that names an event."""
    found = set()
    for path in ACTIONS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and text.startswith("orgs.") and " " not in text:
                found.add(text)
    # Written from the request's state: f"orgs.request.{state}".
    found.discard("orgs.request.")
    return found | {f"orgs.request.{state}" for state in ("approved", "declined", "withdrawn")}


def test_the_catalogue_is_exactly_what_the_actions_write():
    assert written_events() == set(EVENTS)


def test_every_event_has_a_sentence():
    for type_, sentence in EVENTS.items():
        assert sentence[0].isupper() or sentence[0] == "{", type_
        assert "{actor}" in sentence or "{target}" in sentence, type_


@pytest.mark.parametrize("type_", sorted(EVENTS))
def test_access_ends_within_the_transaction_of_exactly_these_events(type_):
    reactions = wiring().reactions.get(type_)
    within = [react.__name__ for react in reactions.within] if reactions else []
    assert [name for name in within if name == "end_access"] == (
        ["end_access"] if type_ in ENDS_ACCESS else []
    )


def test_every_reaction_afterwards_is_a_known_job():
    plan = wiring()
    assert set(plan.reactions) <= set(plan.events)
    for reactions in plan.reactions.values():
        assert set(reactions.after) <= set(plan.jobs)
    for schedule in plan.schedules.values():
        assert schedule.job in plan.jobs
