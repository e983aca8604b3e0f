"""Organizations: those of the caller, create, change, delete with a grace, restore."""

from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Flag, Text, WireId
from kernel.errors import Denied
from kernel.principal import Principal
from orgs.actions import organizations
from orgs.doors.api import OrganizationView, PersonView
from orgs.errors import ConfirmationMismatch, NameTaken
from orgs.models import Organization
from orgs.permissions import Permission, covers


class OrganizationShape(serializers.Serializer[Organization]):
    id = WireId("org", source="pk")
    slug = serializers.CharField()
    name = serializers.CharField()
    is_demo = serializers.BooleanField()
    member_count = serializers.IntegerField()
    team_count = serializers.IntegerField()
    seat_policy = serializers.ChoiceField(choices=Organization.SeatPolicy.choices)
    allows_member_teams = serializers.BooleanField()
    allows_public_projects = serializers.BooleanField()
    allows_api_key_creation = serializers.BooleanField()
    saves_code_by_default = serializers.BooleanField()
    enforces_hidden_teams = serializers.BooleanField()
    enforces_private_projects = serializers.BooleanField()
    enforces_invitation_control = serializers.BooleanField()
    enforces_no_public_reports = serializers.BooleanField()
    enforces_no_self_join = serializers.BooleanField()
    enforces_code_saving_off = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    deletion_requested_at = serializers.DateTimeField(allow_null=True)
    purge_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class NewOrganizationBody(Body):
    name = Text(max_length=120)
    slug = Text(max_length=64, required=False)


class OrganizationChangesBody(Body):
    name = Text(max_length=120)
    slug = Text(max_length=64)
    seat_policy = serializers.ChoiceField(choices=Organization.SeatPolicy.choices)
    allows_member_teams = Flag()
    allows_public_projects = Flag()
    allows_api_key_creation = Flag()
    saves_code_by_default = Flag()
    enforces_hidden_teams = Flag()
    enforces_private_projects = Flag()
    enforces_invitation_control = Flag()
    enforces_no_public_reports = Flag()
    enforces_no_self_join = Flag()
    enforces_code_saving_off = Flag()


class Confirmation(serializers.Serializer[None]):
    confirmation = serializers.CharField(
        help_text="The name, typed once more: the slug of an organization, the name of a team."
    )


class OrganizationsView(PersonView):
    """The organizations that the caller belongs to."""

    noun = "organizations"
    is_list = True
    representation = OrganizationShape
    bodies = {"POST": NewOrganizationBody}
    refusals = {"POST": (NameTaken, Denied)}

    def get(self, request: Request) -> Response:
        """List the organizations that you belong to."""
        return self.page(_organizations_of(self.principal))

    def post(self, request: Request) -> Response:
        """Create an organization, with you as its first owner."""
        made = organizations.create(actor=self.principal, owner=self.person, **self.body())
        return self.one(
            made, location=reverse("api:organization", kwargs={"organization": made.slug})
        )


class OrganizationItemView(OrganizationView):
    """One organization."""

    noun = "organizations"
    representation = OrganizationShape
    bodies = {"PATCH": OrganizationChangesBody}
    parameters = {"DELETE": Confirmation}
    refusals = {"PATCH": (NameTaken,), "DELETE": (ConfirmationMismatch,)}
    permissions = {
        "GET": Permission.ORGANIZATION_READ,
        "PATCH": Permission.ORGANIZATION_UPDATE,
        "DELETE": Permission.ORGANIZATION_DELETE,
    }

    def get(self, request: Request, **_url: str) -> Response:
        """Show an organization and its policies."""
        return self.one(self.organization)

    def patch(self, request: Request, **_url: str) -> Response:
        """Change the name, slug or policies."""
        changed = organizations.update(
            actor=self.principal,
            organization=self.organization,
            changes=self.body(),
            expected_version=self.expected_version(),
        )
        return self.one(changed)

    def delete(self, request: Request, **_url: str) -> Response:
        """Delete an organization: 14 days to restore it, then for good.

        Keys of the organization are dead at once.
        """
        organizations.request_deletion(
            actor=self.principal,
            organization=self.organization,
            confirmation=self.query["confirmation"],
        )
        return Response(status=204)


class RestoreOrganizationView(OrganizationView):
    """The way back from a deletion."""

    noun = "organizations"
    verbs = {"POST": "restore"}
    representation = OrganizationShape
    permissions = {"POST": Permission.ORGANIZATION_DELETE}

    def post(self, request: Request, **_url: str) -> Response:
        """Restore an organization within the grace of its deletion."""
        return self.one(
            organizations.restore(actor=self.principal, organization=self.organization)
        )


def _organizations_of(principal: Principal) -> QuerySet[Organization]:
    """Return where a principal belongs: one for a machine or a key bound to one.

    A key whose scopes leave organizations out sees none, and one that is bound to none
    does not see those that accept only keys made for them, as on each of them.
    """
    rows = Organization.objects.all()
    if principal.scopes is not None and not covers(
        principal.scopes, Permission.ORGANIZATION_READ
    ):
        return rows.none()
    if principal.is_user and principal.id is not None:
        rows = Organization.objects.of_user(principal.id)
        if principal.organization_id is None:
            return rows.filter(allows_api_key_creation=True)
    bound_to = [principal.organization_id] if principal.organization_id else []
    return rows.filter(pk__in=bound_to)
