"""Who asks over SCIM, and of which organization (the organization comes from the key).

A provisioning token is a key of a connection's own account; everybody else's key is an
ordinary one, of an organization admin or of a service account that may as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from rest_framework import exceptions as drf

from identity.actions import directory
from identity.api.authentication import key_in
from identity.errors import KeyRefused
from identity.models import APIKey, Directory
from identity.queries import Recognised, recognise
from identity.scim.log import Who
from identity.usage import note_use
from kernel.addresses import block_of
from kernel.api.throttle import KEY_FAILURE_LIMIT, KEY_FAILURE_SCOPE, WINDOW_SECONDS
from kernel.counting.meters import count_key_check
from kernel.database import scope
from kernel.errors import Denied, Invalid, Missing, Throttled
from kernel.http import origin_of
from kernel.logs import bind_principal
from kernel.principal import Principal
from kernel.throttle import Verdict, hit
from orgs import access, presence
from orgs.access.standing import Standing, refusal_beforehand
from orgs.doors.api import find_organization
from orgs.models import Membership, Organization
from orgs.permissions import Permission


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, about which organization; `is_provider` for a provisioning token."""

    principal: Principal
    key: APIKey
    organization: Organization
    directory: Directory
    is_provider: bool


def recognised(request: HttpRequest, slug: str, needs: Sequence[Permission]) -> Caller:
    """Return who asks and may read what `needs` names. Raises what the door answers with.

    Notes on the request (`scim_who`) in whose log it belongs, also where it is refused.
    """
    found = _proved(request)
    key, principal = found.key, found.principal
    limit = settings.STEWARD_SCIM_RATE
    demand(hit("scim", principal.key, limit, WINDOW_SECONDS))
    wanted = slug or request.headers.get("X-Organization", "") or request.GET.get(
        "organization", ""
    )
    organization = key.organization or _chosen(principal, wanted)
    scope.enter(organization)
    if wanted and wanted not in (organization.slug, organization.wire_id):
        raise Missing
    standing = found.standing or access.standing_of(principal, organization)
    _admit(principal, standing, needs)
    # Absent where nobody asked over SCIM before; what was read along costs nothing here.
    catalogue = getattr(organization, "directory", None) or directory.opened(organization)
    who = Who.of(key)
    if who is None:
        request.scim_who = Who(organization.pk, None, principal.label)  # type: ignore[attr-defined] # our attribute
    return Caller(
        principal=principal,
        key=key,
        organization=organization,
        directory=catalogue,
        is_provider=who is not None,
    )


def demand(verdict: Verdict) -> None:
    """Raise `Throttled` for what is over a limit."""
    if not verdict.allowed:
        raise Throttled(
            f"The limit is {verdict.limit} requests in {verdict.window_seconds} seconds. "
            f"Wait {verdict.retry_after_seconds} seconds.",
            retry_after_seconds=verdict.retry_after_seconds,
        )


def _proved(request: HttpRequest) -> Recognised:
    origin = origin_of(request)
    try:
        text = key_in(request)
        if text is None:
            raise drf.NotAuthenticated(  # noqa: TRY301 - counted as every refusal is
                "Send the token as “Authorization: Bearer TOKEN”."
            )
        found = recognise(text, origin, provisions=True)
    except (KeyRefused, drf.AuthenticationFailed, drf.NotAuthenticated) as refused:
        reason = refused.reason if isinstance(refused, KeyRefused) else "key_unknown"
        count_key_check(reason)
        limit = getattr(settings, "STEWARD_KEY_FAILURE_RATE", KEY_FAILURE_LIMIT)
        demand(hit(KEY_FAILURE_SCOPE, block_of(origin.ip), limit, WINDOW_SECONDS))
        if isinstance(refused, KeyRefused) and refused.key is not None:
            request.scim_who = Who.of(refused.key)  # type: ignore[attr-defined] # our attribute
        raise drf.AuthenticationFailed(str(refused.detail)) from None
    principal = found.principal
    request.principal = principal  # type: ignore[attr-defined] # our attribute
    request.scim_who = Who.of(found.key)  # type: ignore[attr-defined] # our attribute
    bind_principal(principal)
    note_use(found.key, origin)
    count_key_check("accepted")
    return found


def _chosen(principal: Principal, wanted: str) -> Organization:
    """Return the organization that a key of a person means: named, or the only one."""
    if wanted:
        organization = find_organization(wanted)
        if not access.standing_of(principal, organization).is_inside:
            raise Missing
        return organization
    with scope.across("which organizations a person's own key is good for"):
        held = Membership.objects.system_of_user(principal.id).active()  # type: ignore[arg-type] # a person has an id
        rows = list(held.select_related("organization").order_by("pk")[:3])
    admins = [row for row in rows if row.role in ("owner", "admin")]
    found = admins if len(admins) == 1 else rows
    if len(found) != 1:
        raise Invalid(
            "This key is good for several organizations. Use a key of one, the address "
            "/scim/{organization}/v2, or the header X-Organization."
        )
    return found[0].organization


def _admit(principal: Principal, standing: Standing, needs: Sequence[Permission]) -> None:
    """Let in who may manage members; raise `Missing` for strangers, `Denied` for others."""
    if not standing.is_inside:
        raise Missing
    if Permission.MEMBER_UPDATE not in standing.wide:
        raise Denied(
            "SCIM is for organization admins and for provisioning tokens.",
            permission=str(Permission.MEMBER_UPDATE),
        )
    for permission in needs:
        refusal = refusal_beforehand(principal, permission, standing)
        if refusal or permission not in standing.wide:
            raise Denied(permission=str(permission), reason=refusal)
    presence.note(principal, standing.organization)
