"""Temporary access: a role beside the standing one, until a time, with a reason."""

import datetime as dt

from django.db import transaction

from kernel.clock import now
from kernel.errors import Conflict, Invalid, Missing
from kernel.events import Target, record
from kernel.jobs.models import Job
from kernel.principal import Principal
from orgs import access
from orgs.actions import given_roles, lapses, members, names, teams
from orgs.errors import NotActive
from orgs.models import Grant, Membership, Organization, Role, ServiceAccount, Team
from orgs.permissions import Permission

LONGEST = dt.timedelta(days=90)


@transaction.atomic
def give(
    *,
    actor: Principal,
    organization: Organization,
    holder: Membership | ServiceAccount,
    role: str,
    until: dt.datetime,
    reason: str,
    custom_role: Role | None = None,
    team: Team | None = None,
) -> Grant:
    """Give a member or service account a role on the organization or one team.

    It ends to the second: the access decision looks at the time. A grant never holds
    more than its giver. Raises `Invalid`, `NotActive`.
    """
    access.require(actor, Permission.GRANT_MANAGE, team or organization)
    members.lock(organization)
    if team is not None:
        team = teams.lock(organization, team)
    _require_here(organization, holder, team)
    reason = names.one_line(reason[:300], "reason", longest=300)
    if not reason:
        raise Invalid.field("reason", "Say what the access is for.", code="required")
    if not now() < until <= now() + LONGEST:
        raise Invalid.field(
            "until", f"Choose a time within the next {LONGEST.days} days.", code="range"
        )
    role, custom_role = given_roles.checked(
        actor=actor, resource=team or organization, role=role, custom_role=custom_role
    )
    grant = Grant(
        organization=organization,
        membership=holder if isinstance(holder, Membership) else None,
        service_account=holder if isinstance(holder, ServiceAccount) else None,
        team=team,
        role=role,
        custom_role=custom_role,
        reason=reason,
        granted_by=actor.label[:200],
        until=until,
    )
    grant.save(force_insert=True)
    _record("orgs.grant.given", actor, grant)
    return grant


@transaction.atomic
def end(*, actor: Principal, organization: Organization, grant: Grant) -> Grant:
    """End a grant before its time; its holder may do so as well."""
    members.lock(organization)
    row = (
        Grant.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=grant.pk)
        .select_related("team__organization", "membership__user", "service_account", "custom_role")
        .first()
    )
    if row is None:
        raise Missing
    is_own = actor.is_user and row.membership is not None and row.membership.user_id == actor.id
    if is_own and actor.scopes is None:
        access.require(actor, Permission.ORGANIZATION_READ, organization)
    else:
        access.require(actor, Permission.GRANT_MANAGE, row.team or organization)
    if row.ended_at:
        return row
    row.ended_at = now()
    row.save(update_fields=["ended_at"])
    _record("orgs.grant.ended", actor, row)
    return row


def note_lapsed(_job: Job) -> None:
    """Write the expiry of grants into the trail (job); they ended by themselves."""
    lapses.note(lapsed=Grant.objects.system_lapsed(now()), each=_note_lapsed)


def _note_lapsed(organization: Organization) -> None:
    rows = Grant.objects.of(organization).system_lapsed(now()).select_for_update(of=("self",))
    rows = rows.select_related("membership__user", "service_account", "team", "custom_role")
    for grant in list(rows.order_by("pk")[: lapses.AT_ONCE]):
        grant.ended_at = grant.until
        grant.save(update_fields=["ended_at"])
        _record("orgs.grant.expired", Principal.system("expiry"), grant)


def _require_here(
    organization: Organization, holder: Membership | ServiceAccount, team: Team | None
) -> None:
    """Raise unless the holder is of this organization, works, and may be given this."""
    if isinstance(holder, Membership):
        member = Membership.objects.of(organization).filter(pk=holder.pk).first()
        if member is None:
            raise Missing
        if not member.is_active:
            raise NotActive("Only active members can be given access.")
        return
    account = ServiceAccount.objects.of(organization).filter(pk=holder.pk).first()
    if account is None:
        raise Missing
    if account.team_id is not None and (team is None or team.pk != account.team_id):
        raise Conflict("A team's service account works in its own team only.")


def _record(event: str, actor: Principal, grant: Grant) -> None:
    holder = grant.membership or grant.service_account
    record(
        type=event,
        actor=actor,
        organization=grant.organization_id,
        target=Target(kind="grant", id=grant.wire_id, label=str(holder)),
        changes={
            "role": grant.custom_role.name if grant.custom_role else grant.role,
            "team": grant.team.name if grant.team else None,
            "until": grant.until.isoformat() if grant.until else None,
            "reason": grant.reason,
        },
    )
