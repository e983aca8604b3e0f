"""orgs/actions/features.py and orgs.queries.features_of."""

import pytest

from kernel.errors import Denied, Missing
from orgs.actions import features
from orgs.models import FeatureChoice
from orgs.queries import features_of
from tests.factories import OPERATOR, as_user


@pytest.fixture
def beta(world):
    features.define(actor=OPERATOR, name="beta", title="The beta")
    return world


def value(world, **levels):
    [found] = features_of(world.organization, **levels)
    return found.is_on, found.level


def everybody(world):
    user = world.team_member.user
    return [
        value(world),
        value(world, team=world.team),
        value(world, team=world.team, user=user),
    ]


def switch(world, is_on, actor=None):
    return features.switch(
        actor=actor or world.owner.principal,
        organization=world.organization,
        flag="beta",
        is_on=is_on,
    )


def switch_for_team(world, is_on, actor=None, team=None):
    return features.switch_for_team(
        actor=actor or world.team_admin.principal,
        organization=world.organization,
        team=team or world.team,
        flag="beta",
        is_on=is_on,
    )


def switch_for_user(world, is_on, actor=None):
    return features.switch_for_user(
        actor=actor or world.team_member.principal,
        user=world.team_member.user,
        flag="beta",
        is_on=is_on,
    )


def test_the_nearest_choice_wins(beta):
    assert everybody(beta) == [(False, "instance")] * 3
    assert str(switch(beta, True)) == "beta"
    assert everybody(beta) == [(True, "organization")] * 3
    switch_for_team(beta, False)
    assert everybody(beta) == [(True, "organization"), (False, "team"), (False, "team")]
    switch_for_user(beta, True)
    assert everybody(beta) == [(True, "organization"), (False, "team"), (True, "user")]


def test_a_choice_taken_back_lets_the_default_through(beta):
    switch(beta, True)
    assert str(FeatureChoice.objects.get()) == "beta: on"
    switch(beta, None)
    features.define(actor=OPERATOR, name="beta", title="The beta", is_on=True)
    assert everybody(beta) == [(True, "instance")] * 3


def test_each_switch_writes_one_event(beta, trail):
    for _ in range(2):
        switch(beta, True)
        switch_for_team(beta, False)
        switch_for_user(beta, True)
        features.define(actor=OPERATOR, name="beta", title="The beta")
    events = trail(beta.organization, "orgs.feature.switched")
    assert [event.changes for event in events] == [
        {"for": "Acme", "is_on": [None, True]},
        {"for": "team acme-team", "is_on": [None, False]},
    ]
    assert [event.changes for event in trail(None, "orgs.feature.switched")] == [
        {"for": "the instance", "is_on": [None, False]},
        {"for": "user acme-team-member", "is_on": [None, True]},
    ]


def test_only_the_right_people_switch(beta):
    with pytest.raises(Denied):
        switch(beta, True, beta.member.principal)
    with pytest.raises(Denied):
        switch_for_team(beta, True, beta.team_member.principal)
    with pytest.raises(Denied):
        switch_for_user(beta, True, beta.owner.principal)
    with pytest.raises(Denied):
        switch_for_user(beta, True, as_user(beta.team_member.user, scopes=["*"]))
    with pytest.raises(Denied):
        features.define(actor=beta.owner.principal, name="mine", title="Mine")


def test_unknown_features_and_teams_are_missing(beta):
    with pytest.raises(Missing):
        features.switch(
            actor=OPERATOR, organization=beta.organization, flag="gamma", is_on=True
        )
    with pytest.raises(Missing):
        switch_for_team(beta, True, OPERATOR, beta.strange_team)
