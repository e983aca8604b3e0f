"""The wiring page: every reaction, job, schedule and invariant of the house, in one place.

Event → what follows. `within` runs in the event's own transaction (the end of access
must not wait); `after` names jobs that get a row in that transaction and run later.
"""

from identity import directory_subscribers
from identity import events as identity_events
from identity import invariants as identity_invariants
from identity import subscribers as identity_subscribers
from identity.accounts import reset
from identity.actions import api_keys
from identity.console import contributions as identity_console
from identity.scim.log import forget_old as forget_old_entries
from kernel import invariants as kernel_invariants
from kernel.console.registry import Console
from kernel.events import checkpoints, verification
from kernel.idempotency.models import forget_old as forget_old_replays
from kernel.jobs.sweep import tidy
from kernel.mail.send import JOB as SEND_MAIL
from kernel.mail.send import give_up, send_job
from kernel.metrics import gauges as kernel_gauges
from kernel.rule import stays_in_its_organization
from kernel.wiring import JobKind, Reactions, Schedule, Wiring
from orgs import events as orgs_events
from orgs import gauges as orgs_gauges
from orgs import invariants as orgs_invariants
from orgs import subscribers as orgs_subscribers
from orgs.actions import entitlements, grants, invitations, organizations
from orgs.console import contributions as orgs_console

_ENDS_ACCESS = (identity_subscribers.end_access,)
_FOLLOWS_MEMBERS = (directory_subscribers.follow_members,)
_FOLLOWS_TEAMS = (directory_subscribers.follow_teams,)
_FOLLOWS_PLACES = (directory_subscribers.follow_places,)
_FOLLOWS_OFFERS = (directory_subscribers.follow_offers,)
_FOLLOWS_ROLES = (directory_subscribers.follow_roles,)

REACTIONS = {
    "orgs.invitation.created": Reactions(
        within=_FOLLOWS_OFFERS, after=("orgs.mail.invitation",)
    ),
    "orgs.invitation.resent": Reactions(
        within=_FOLLOWS_OFFERS, after=("orgs.mail.invitation",)
    ),
    "orgs.invitation.accepted": Reactions(within=(directory_subscribers.follow_invitations,)),
    "orgs.request.made": Reactions(after=("orgs.mail.request_made",)),
    "orgs.request.approved": Reactions(after=("orgs.mail.request_decided",)),
    "orgs.request.declined": Reactions(after=("orgs.mail.request_decided",)),
    "orgs.member.added": Reactions(within=_FOLLOWS_MEMBERS),
    "orgs.member.joined": Reactions(within=_FOLLOWS_MEMBERS),
    "orgs.member.role_changed": Reactions(within=_FOLLOWS_MEMBERS),
    "orgs.member.seat_changed": Reactions(within=_FOLLOWS_MEMBERS),
    "orgs.member.deactivated": Reactions(within=(*_ENDS_ACCESS, *_FOLLOWS_MEMBERS)),
    "orgs.member.reactivated": Reactions(within=_FOLLOWS_MEMBERS),
    "orgs.member.removed": Reactions(
        within=(*_ENDS_ACCESS, *_FOLLOWS_MEMBERS), after=("orgs.mail.member_removed",)
    ),
    "orgs.member.left": Reactions(within=(*_ENDS_ACCESS, *_FOLLOWS_MEMBERS)),
    "orgs.team.created": Reactions(within=_FOLLOWS_TEAMS),
    "orgs.team.renamed": Reactions(within=_FOLLOWS_TEAMS),
    "orgs.team.updated": Reactions(within=_FOLLOWS_TEAMS),
    "orgs.team.deleted": Reactions(within=(*_ENDS_ACCESS, *_FOLLOWS_TEAMS)),
    "orgs.team.members_set": Reactions(within=_FOLLOWS_PLACES),
    "orgs.team_member.added": Reactions(within=_FOLLOWS_PLACES),
    "orgs.team_member.role_changed": Reactions(within=_FOLLOWS_PLACES),
    "orgs.team_member.removed": Reactions(within=_FOLLOWS_PLACES),
    "orgs.team_member.left": Reactions(within=_FOLLOWS_PLACES),
    "orgs.role.updated": Reactions(within=_FOLLOWS_ROLES),
    "orgs.role.deleted": Reactions(within=_FOLLOWS_ROLES),
    "orgs.service_account.deleted": Reactions(
        within=(*_ENDS_ACCESS, directory_subscribers.release_managed)
    ),
    "orgs.user.updated": Reactions(within=(directory_subscribers.follow_accounts,)),
    "orgs.organization.deletion_requested": Reactions(
        within=_ENDS_ACCESS, after=("orgs.mail.deletion_requested",)
    ),
    "orgs.organization.purged": Reactions(within=_ENDS_ACCESS),
    "orgs.user.deleted": Reactions(within=_ENDS_ACCESS),
}

# Those that go through many organizations end a transaction after each: holding the rows
# of one while waiting for the next, they would wait in a circle with whoever holds both.
# What they have done they do not do again.
JOBS = {
    SEND_MAIL: JobKind(send_job, transactional=False, died=give_up),
    "kernel.jobs.tidy": JobKind(tidy),
    # Outside of a transaction: what they sign and what they find must be there for good.
    "kernel.events.checkpoint": JobKind(checkpoints.make_due, transactional=False),
    verification.JOB: JobKind(verification.verify_some, transactional=False),
    "kernel.idempotency.forget": JobKind(forget_old_replays),
    "orgs.mail.invitation": JobKind(orgs_subscribers.mail_invitation),
    "orgs.mail.request_made": JobKind(orgs_subscribers.mail_request_made),
    "orgs.mail.request_decided": JobKind(orgs_subscribers.mail_request_decided),
    "orgs.mail.deletion_requested": JobKind(orgs_subscribers.mail_deletion_requested),
    "orgs.mail.member_removed": JobKind(orgs_subscribers.mail_member_removed),
    "orgs.invitations.note_lapsed": JobKind(invitations.note_lapsed, transactional=False),
    "orgs.grants.note_lapsed": JobKind(grants.note_lapsed, transactional=False),
    "orgs.entitlements.note_lapsed": JobKind(entitlements.note_lapsed, transactional=False),
    "orgs.organizations.purge_due": JobKind(organizations.purge_due, transactional=False),
    "identity.keys.note_ended": JobKind(api_keys.note_ended, transactional=False),
    "identity.provisioning.forget": JobKind(forget_old_entries),
    reset.JOB: JobKind(reset.send_link),
    "identity.keys.remind": JobKind(identity_subscribers.remind_of_expiry),
}

SCHEDULES = {
    "tidy_jobs": Schedule(3600, "kernel.jobs.tidy"),
    "sign_audit_log": Schedule(3600, "kernel.events.checkpoint"),
    "verify_audit_log": Schedule(86_400, verification.JOB),
    "forget_replays": Schedule(3600, "kernel.idempotency.forget"),
    "expire_invitations": Schedule(60, "orgs.invitations.note_lapsed"),
    "expire_grants": Schedule(60, "orgs.grants.note_lapsed"),
    "expire_entitlements": Schedule(60, "orgs.entitlements.note_lapsed"),
    "expire_keys": Schedule(60, "identity.keys.note_ended"),
    "forget_provisioning": Schedule(3600, "identity.provisioning.forget"),
    "remind_of_keys": Schedule(86_400, "identity.keys.remind"),
    "purge_organizations": Schedule(300, "orgs.organizations.purge_due"),
}

WIRING = Wiring(
    events={**orgs_events.EVENTS, **identity_events.EVENTS},
    reactions=REACTIONS,
    jobs=JOBS,
    schedules=SCHEDULES,
    invariants=(
        *orgs_invariants.RULES,
        *identity_invariants.RULES,
        *kernel_invariants.RULES,
        *stays_in_its_organization(),
        kernel_invariants.every_reaction_has_its_row,
        kernel_invariants.no_mail_is_stuck,
        identity_invariants.texts_tell_what_the_rows_do,
        kernel_invariants.chains_verify,
    ),
    gauges=(kernel_gauges.of_the_kernel, orgs_gauges.of_seats),
)

CONSOLE = Console(
    groups=orgs_console.GROUPS,
    sections=(*orgs_console.SECTIONS, *identity_console.SECTIONS),
    person_links=(*identity_console.PERSON_LINKS, *orgs_console.PERSON_LINKS),
)
