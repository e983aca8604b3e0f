"""API keys over REST: list, make, rotate with an overlap, change, revoke."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from identity.actions import api_keys
from identity.actions.key_values import LONGEST_OVERLAP
from identity.errors import KeyEnded
from identity.models import APIKey
from identity.queries import keys_of
from kernel.api.body import Body
from kernel.api.endpoint import CREATED, Endpoint
from kernel.api.fields import Flag, Named, Text, Whole, WireId
from kernel.errors import BadParameter, Missing, Stale
from kernel.ids import decode
from orgs import access
from orgs.access import Resource
from orgs.doors.api import OrganizationView
from orgs.errors import PolicyForbids
from orgs.models import ServiceAccount, User
from orgs.permissions import Permission

STATES = ("active", "rotating", "expired", "revoked", "rotated_out")


class KeyOwnerShape(serializers.Serializer[Any]):
    """Whom or what a key proves."""

    kind = serializers.ChoiceField(["user", "service_account"])
    id = serializers.CharField()
    name = serializers.CharField()


class KeyShape(serializers.Serializer[Any]):
    """A key without its secret, which nobody can read again."""

    id = WireId(APIKey.wire_prefix, source="pk")
    prefix = Named("stw_a1B2c3D4e5", help_text="What the key begins with; safe to show.")
    last_four = Named("9xZq")
    name = Named("GitHub Actions")
    owner = serializers.SerializerMethodField()
    state = serializers.ChoiceField(STATES, help_text="Derived from the times below.")
    scopes = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="null: everything that the owner may.",
    )
    allowed_networks = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="A rotated key works until then."
    )
    replaced_by = WireId(APIKey.wire_prefix, source="replaced_by_id", allow_null=True)
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="A few seconds old at most."
    )
    last_used_ip = serializers.CharField()
    last_used_agent = serializers.CharField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def get_owner(self, key: APIKey) -> KeyOwnerShape:
        """Return the owner's kind, id and name."""
        owner = key.owner
        kind = "user" if isinstance(owner, User) else "service_account"
        name = owner.username if isinstance(owner, User) else owner.name
        return KeyOwnerShape({"kind": kind, "id": owner.wire_id, "name": name}).data  # type: ignore[return-value] # the hint is for the schema


class IssuedKeyShape(KeyShape):
    """A key just made. `secret` is shown in this one answer and kept nowhere."""

    secret = Named("stw_a1B2c3D4e5_…", read_only=True)


class NewKeyBody(Body):
    """A key to make."""

    name = Named("GitHub Actions", max_length=80)
    scopes = serializers.ListField(
        child=Text(max_length=64), max_length=100, required=False, allow_null=True
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    allowed_networks = serializers.ListField(
        child=Text(max_length=50), max_length=50, required=False
    )
    legacy = Flag(
        required=False, help_text="Make a 40-character key for old clients."
    )


class NewAccountKeyBody(NewKeyBody):
    """A key to make for a service account."""

    on_behalf_of = Text(
        required=False,
        allow_null=True,
        max_length=64,
        help_text="Username of the active member to attribute the work to.",
    )


class KeyChangesBody(Body):
    """What can be changed of a key."""

    name = Text(max_length=80)
    expires_at = serializers.DateTimeField(allow_null=True)
    allowed_networks = serializers.ListField(
        child=Text(max_length=50), max_length=50
    )


class RotationBody(Body):
    """How long the old key works beside the new one."""

    overlap_seconds = Whole(
        min_value=0, max_value=int(LONGEST_OVERLAP.total_seconds())
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class OverlapBody(Body):
    """For how many seconds from now the rotated key still works; 0 stops it."""

    overlap_seconds = Whole(
        min_value=0, max_value=int(LONGEST_OVERLAP.total_seconds())
    )


class KeyFilters(serializers.Serializer[Any]):
    """Which keys to list."""

    owner = serializers.CharField(required=False, help_text="`usr_…` or `sa_…`.")
    state = serializers.ChoiceField(["live", "ended"], required=False)
    q = serializers.CharField(required=False, max_length=100, help_text="In name or prefix.")


class KeysView(OrganizationView):
    """The keys of an organization; one's own for those who may not see all."""

    noun = "api_keys"
    is_list = True
    permissions = {"GET": Permission.ORGANIZATION_READ, "POST": Permission.ORGANIZATION_READ}
    parameters = {"GET": KeyFilters}
    bodies = {"POST": NewKeyBody}
    refusals = {"POST": (PolicyForbids,)}
    representation = KeyShape
    representations = {"POST": IssuedKeyShape}

    def get(self, request: Request, **_path: str) -> Response:
        """List keys, newest first: all of them with `api_key.read`, else one's own."""
        sees_all = access.may(self.principal, Permission.API_KEY_READ, self.organization).allowed
        owner_id = _owner_id(self.query["owner"]) if self.query.get("owner") else None
        rows = keys_of(
            self.organization,
            owner_id=owner_id,
            state=self.query.get("state", ""),
            q=self.query.get("q", ""),
        )
        if not sees_all:
            rows = rows.owned_by(self.principal.id)
        return self.page(rows)

    def post(self, request: Request, **_path: str) -> Response:
        """Make a personal key that works in this organization."""
        issued = api_keys.create(
            actor=self.principal,
            organization=self.organization,
            owner=self.person,
            **self.body(),
        )
        return issued_answer(self, issued)


class AccountKeysView(OrganizationView):
    """The keys of one service account."""

    noun = "service_account_keys"
    is_list = True
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_READ,
        "POST": Permission.SERVICE_ACCOUNT_MANAGE,
    }
    bodies = {"POST": NewAccountKeyBody}
    refusals = {"POST": (PolicyForbids,)}
    representation = KeyShape
    representations = {"POST": IssuedKeyShape}

    def resource(self) -> Resource:
        """Return the service account."""
        rows = ServiceAccount.objects.of(self.organization).select_related("organization", "team")
        return rows.pick(self.kwargs["account"])

    def get(self, request: Request, **_path: str) -> Response:
        """List the account's keys, newest first."""
        return self.page(keys_of(self.organization, owner_id=self.resource().pk))

    def post(self, request: Request, **_path: str) -> Response:
        """Make a key for the account."""
        account = self.resource()
        assert isinstance(account, ServiceAccount)  # noqa: S101 - `resource` says so
        body = self.body()
        username = body.pop("on_behalf_of", None)
        issued = api_keys.create(
            actor=self.principal,
            organization=self.organization,
            owner=account,
            on_behalf_of=(
                api_keys.member_named(self.organization, username) if username else None
            ),
            **body,
        )
        return issued_answer(self, issued)


class OneKeyView(OrganizationView):
    """What the endpoints on one key share: it is seen by its owner, or with the right to."""

    def key(self) -> APIKey:
        """Return the key of the URL, or raise `Missing` to those who may not see it."""
        rows = APIKey.objects.of(self.organization).with_owner()
        key = rows.pick(self.kwargs["key"])
        if self.principal.id != key.owner.pk:
            seen = (
                access.may(self.principal, Permission.SERVICE_ACCOUNT_READ, key.service_account)
                if key.service_account
                else access.may(self.principal, Permission.API_KEY_READ, self.organization)
            )
            if not seen.allowed:
                raise Missing
        return key


class KeyView(OneKeyView):
    """One key."""

    noun = "api_keys"
    permissions = {
        "GET": Permission.ORGANIZATION_READ,
        "PATCH": Permission.ORGANIZATION_READ,
        "DELETE": Permission.ORGANIZATION_READ,
    }
    bodies = {"PATCH": KeyChangesBody}
    refusals = {"PATCH": (KeyEnded, Stale)}
    verbs = {"DELETE": "revoke"}
    representation = KeyShape

    def get(self, request: Request, **_path: str) -> Response:
        """Tell about a key, without its secret."""
        return self.one(self.key())

    def patch(self, request: Request, **_path: str) -> Response:
        """Change a key's name, expiry or networks."""
        row = api_keys.update(
            actor=self.principal,
            organization=self.organization,
            key=self.key(),
            changes=self.body(),
            expected_version=self.expected_version(),
        )
        return self.one(row)

    def delete(self, request: Request, **_path: str) -> Response:
        """Revoke a key; the very next request with it is refused. It stays in the list."""
        api_keys.revoke(actor=self.principal, organization=self.organization, key=self.key())
        return Response(status=204)


class RotateView(OneKeyView):
    """Replace a key by a new one."""

    noun = "api_keys"
    verbs = {"POST": "rotate"}
    permissions = {"POST": Permission.ORGANIZATION_READ}
    bodies = {"POST": RotationBody}
    refusals = {"POST": (KeyEnded,)}
    representation = IssuedKeyShape

    def post(self, request: Request, **_path: str) -> Response:
        """Make a successor with the same rights; both keys work until the overlap ends."""
        issued = api_keys.rotate(
            actor=self.principal, organization=self.organization, key=self.key(), **self.body()
        )
        return issued_answer(self, issued)

    @classmethod
    def success(cls, method: str) -> int:
        """A rotation makes a key."""
        return CREATED if method == "POST" else super().success(method)


class OverlapView(OneKeyView):
    """The end of a rotated key's overlap."""

    noun = "api_keys"
    verbs = {"PUT": "set_overlap"}
    permissions = {"PUT": Permission.ORGANIZATION_READ}
    bodies = {"PUT": OverlapBody}
    refusals = {"PUT": (KeyEnded,)}
    representation = KeyShape

    def put(self, request: Request, **_path: str) -> Response:
        """Extend or shorten the overlap, counted from now."""
        row = api_keys.change_overlap(
            actor=self.principal, organization=self.organization, key=self.key(), **self.body()
        )
        return self.one(row)


def issued_answer(view: Endpoint, issued: api_keys.IssuedKey) -> Response:
    """Answer with a key just made; its secret is in this one answer."""
    key = issued.key
    key.secret = issued.secret  # type: ignore[attr-defined] # for this one answer
    organization = view.kwargs["organization"]
    return view.one(key, location=f"/api/v1/organizations/{organization}/api-keys/{key.wire_id}")


def _owner_id(text: str) -> Any:
    for prefix in (User.wire_prefix, ServiceAccount.wire_prefix):
        if text.startswith(f"{prefix}_"):
            return decode(prefix, text)
    raise BadParameter("owner is an id: `usr_…` or `sa_…`.", parameter="owner")
