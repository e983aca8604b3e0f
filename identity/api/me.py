"""`/api/v1/me`: who the key proves, and where they belong."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from identity.models import APIKey
from identity.queries import Whoami, whoami
from kernel.api.body import Body
from kernel.api.fields import Named, Text, WireId
from orgs.actions import users
from orgs.doors.api import PersonView
from orgs.models import Organization, User


class PlaceShape(serializers.Serializer[Any]):
    """An organization that the principal belongs to."""

    id = WireId(Organization.wire_prefix, source="organization.pk")
    slug = Named("acme", source="organization.slug")
    name = Named("Acme", source="organization.name")
    role = Named("member", source="role_name", help_text="The role's name for people.")
    seat = serializers.CharField(help_text="`full`, `viewer` or `none`.")


class CredentialShape(serializers.Serializer[Any]):
    """The key of this very request, without its secret."""

    id = WireId("key", source="pk")
    prefix = Named("stw_a1B2c3D4e5", help_text="What the key begins with.")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="When a rotated key stops working."
    )


class MeShape(serializers.Serializer[Any]):
    """The principal."""

    kind = serializers.ChoiceField(["user", "service_account"])
    id = serializers.CharField(help_text="`usr_…` or `sa_…`.")
    name = serializers.CharField(help_text="Username, or the service account's name.")
    display_name = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    team = serializers.CharField(
        allow_null=True, help_text="The team that a service account is tied to."
    )
    on_behalf_of = serializers.CharField(
        allow_null=True, help_text="The member whom the work is attributed to."
    )
    credential = CredentialShape()
    organizations = PlaceShape(many=True)
    version = serializers.IntegerField()


class ProfileBody(Body):
    """What a person may change of themselves."""

    display_name = Text(max_length=120, allow_blank=True, required=False)
    theme = serializers.ChoiceField(User.Theme.choices, required=False)


class MeView(PersonView):
    """The principal of the request."""

    noun = "me"
    bodies = {"PATCH": ProfileBody}
    representation = MeShape

    def get(self, request: Request) -> Response:
        """Tell who the key proves, what it may and where the principal belongs."""
        return self.one(self._me())

    def patch(self, request: Request) -> Response:
        """Change the acting person's own profile."""
        request.auth.user = users.update_profile(
            actor=self.principal,
            user=self.person,
            expected_version=self.expected_version(),
            **self.body(),
        )
        return self.one(self._me())

    def _me(self) -> Whoami:
        key = self.request.auth
        assert isinstance(key, APIKey)  # noqa: S101 - what let the request in
        return whoami(self.principal, key)
