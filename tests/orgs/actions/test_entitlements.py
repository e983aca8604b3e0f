"""orgs/actions/entitlements.py."""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from kernel.errors import Denied, Invalid
from kernel.jobs.models import Job
from orgs.actions import entitlements
from orgs.models import Entitlement, SeatPool
from orgs.queries import entitled_features
from tests.factories import OPERATOR


def apply(world, source="manual", actor=OPERATOR, **fields):
    fields = {"seats": {"full": 10, "viewer": 20}, **fields}
    return entitlements.apply(
        actor=actor, organization=world.organization, source=source, **fields
    )


def limits(world):
    return {pool.seat: pool.limit for pool in SeatPool.objects.of(world.organization)}


def test_the_best_of_all_sources_counts(world):
    apply(world)
    apply(world, "subscription", seats={"full": 30})
    assert limits(world) == {"full": 30, "viewer": 20}
    apply(world, "license", seats={"full": None})
    assert limits(world) == {"full": None, "viewer": 20}
    assert str(Entitlement.objects.of(world.organization).get(source="license")).startswith(
        "license for"
    )


def test_features_of_all_sources_add_up(world):
    apply(world, features=["sso"])
    apply(world, "subscription", features=["scim", "sso"])
    assert entitled_features(world.organization) == {"sso", "scim"}


def test_a_source_writes_one_event_for_a_change(world, trail):
    before = len(trail(world.organization, "orgs.entitlement.applied"))
    for _ in range(2):
        apply(world, "subscription", limits={"storage": 5})
    events = trail(world.organization, "orgs.entitlement.applied")
    assert len(events) == before + 1
    assert events[-1].changes["source"] == "subscription"


def test_only_the_operator_grants(world):
    with pytest.raises(Denied):
        apply(world, actor=world.owner.principal)
    with pytest.raises(Invalid):
        apply(world, "gift")


def test_limits_come_down_when_a_source_lapses(world, trail):
    apply(world)
    apply(
        world,
        "subscription",
        seats={"full": 50},
        features=["sso"],
        until=now() + dt.timedelta(days=30),
    )
    entitlements.note_lapsed(Job())
    assert limits(world)["full"] == 50
    with time_machine.travel(now() + dt.timedelta(days=31), tick=False):
        assert entitled_features(world.organization) == frozenset()
        entitlements.note_lapsed(Job())
        entitlements.note_lapsed(Job())
        assert limits(world)["full"] == 10
        assert len(trail(world.organization, "orgs.entitlement.lapsed")) == 1
        apply(world, "subscription", seats={"full": 60})
        assert limits(world)["full"] == 60
