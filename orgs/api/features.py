"""Beta features: what holds for an organization or a team, and the choice of either."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Flag
from kernel.errors import Missing
from orgs import queries
from orgs.actions import features
from orgs.doors.api import OrganizationView, TeamView
from orgs.models import Team
from orgs.permissions import Permission


class FeatureShape(serializers.Serializer[queries.FeatureValue]):
    name = serializers.CharField(source="flag.name")
    title = serializers.CharField(source="flag.title")
    description = serializers.CharField(source="flag.description")
    is_on = serializers.BooleanField()
    level = serializers.ChoiceField(
        choices=["instance", "organization", "team", "user"], help_text="Which choice holds."
    )


class FeatureChoiceBody(Body):
    is_on = Flag(
        allow_null=True, help_text="null takes the choice back, so that the level above decides."
    )


class FeatureChoices(OrganizationView):
    """What the endpoints of features share."""

    noun = "features"
    representation = FeatureShape

    def values(self, team: Team | None = None) -> list[queries.FeatureValue]:
        """Return what holds here."""
        return queries.features_of(self.organization, team=team)

    def value(self, team: Team | None = None) -> Any:
        """Return what holds here of the feature in the URL, or raise `Missing`."""
        name = self.kwargs["feature"]
        found = next((value for value in self.values(team) if value.flag.name == name), None)
        if found is None:
            raise Missing
        return found


class FeaturesView(FeatureChoices):
    """The features of an organization."""

    is_list, is_paged = True, False
    permissions = {"GET": Permission.ORGANIZATION_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """List the beta features, and whether each is on."""
        return self.whole(self.values())


class FeatureView(FeatureChoices):
    """One feature in an organization."""

    bodies = {"PUT": FeatureChoiceBody}
    verbs = {"PUT": "switch"}
    permissions = {"GET": Permission.ORGANIZATION_READ, "PUT": Permission.FEATURE_MANAGE}

    def get(self, request: Request, **_url: str) -> Response:
        """Show whether a feature is on."""
        return self.one(self.value())

    def put(self, request: Request, **_url: str) -> Response:
        """Switch a feature for the organization."""
        self.value()
        features.switch(
            actor=self.principal,
            organization=self.organization,
            flag=self.kwargs["feature"],
            is_on=self.body()["is_on"],
        )
        return self.one(self.value())


class TeamFeaturesView(TeamView, FeatureChoices):
    """The features of a team."""

    noun = "team_features"
    is_list, is_paged = True, False
    permissions = {"GET": Permission.TEAM_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """List the beta features, and whether each is on in a team."""
        return self.whole(self.values(self.team))


class TeamFeatureView(TeamView, FeatureChoices):
    """One feature in a team."""

    noun = "team_features"
    bodies = {"PUT": FeatureChoiceBody}
    verbs = {"PUT": "switch"}
    permissions = {"GET": Permission.TEAM_READ, "PUT": Permission.FEATURE_MANAGE}

    def get(self, request: Request, **_url: str) -> Response:
        """Show whether a feature is on in a team."""
        return self.one(self.value(self.team))

    def put(self, request: Request, **_url: str) -> Response:
        """Switch a feature for a team, over its organization's choice."""
        self.value(self.team)
        features.switch_for_team(
            actor=self.principal,
            organization=self.organization,
            team=self.team,
            flag=self.kwargs["feature"],
            is_on=self.body()["is_on"],
        )
        return self.one(self.value(self.team))
