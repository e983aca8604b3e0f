"""What the domain should be: who may do what, and what ends with what, in plain Python.

No database and no code of the product's but its tables of constants (what a role holds,
how long things last). `need`, `must_hold` and `giving` say who may do what; the machine says
what each act changes here, and compares this with the rows after every step.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from kernel.errors import Denied, Invalid, Missing
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES, P
from tests.properties.things import (
    Actor,
    Grant,
    Key,
    Machine,
    Member,
    Org,
    Project,
    Resource,
    Role,
    Team,
    User,
)

Refusals = list[type[Exception]]
IN_DELETION = {P.ORGANIZATION_READ, P.ORGANIZATION_DELETE}
WHILE_SUSPENDED = {P.ORGANIZATION_READ, P.BILLING_READ, P.BILLING_MANAGE}


@dataclass
class World:
    """Everything, with the time."""

    users: list[User] = field(default_factory=list)
    orgs: list[Org] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    platform: dict[str, tuple[frozenset[str], bool]] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    names: dict[str, tuple[User | Team, dt.datetime | None]] = field(default_factory=dict)
    slugs: set[str] = field(default_factory=set)

    # --- names --------------------------------------------------------------------------

    def is_name_free(self, name: str, now: dt.datetime) -> bool:
        held = self.names.get(name.casefold())
        return held is None or (held[1] is not None and held[1] <= now)

    def forget_names(self, holder: User | Team) -> None:
        self.names = {key: held for key, held in self.names.items() if held[0] is not holder}

    # --- what roles hold ----------------------------------------------------------------

    def permissions(self, role: str, custom: Role | None, scope: str) -> frozenset[str]:
        base = custom.inherits if custom else role
        table = ORGANIZATION_ROLES if scope == "organization" else TEAM_ROLES
        held = set(table.get(base, ()))
        for name, (team_roles, _) in self.platform.items():
            if base in team_roles if scope == "team" else base in ("owner", "admin"):
                held.add(name)
        if custom is not None:
            held = (held | custom.added) - custom.removed
        return frozenset(map(str, held))

    def membership(self, actor: Actor, org: Org) -> Member | Machine | None:
        """Return what the actor works as in an organization, if anything."""
        if isinstance(actor.who, User):
            member = org.members.get(actor.who)
            return member if member and member.is_active and actor.who.is_there else None
        machine = actor.who
        if machine and machine.org is org and machine.is_there and not machine.is_disabled:
            return machine
        return None

    def wide(self, place: Member | Machine, now: dt.datetime) -> frozenset[str]:
        if isinstance(place, Machine) and place.team is not None:
            held = frozenset({str(P.ORGANIZATION_READ)})
        else:
            held = self.permissions(place.role, place.custom, "organization")
        for grant in self.live_grants(place, now):
            if grant.team is None:
                held |= self.permissions(grant.role, grant.custom, "organization")
        return held

    def in_team(self, place: Member | Machine, team: Team) -> tuple[str, frozenset[str]]:
        if isinstance(place, Machine):
            if place.team is not team:
                return "", frozenset()
            role, custom = place.role, place.custom
        elif place in team.places:
            role, custom = team.places[place]
        else:
            return "", frozenset()
        return custom.name if custom else role, self.permissions(role, custom, "team")

    def granted(self, place: Member | Machine, team: Team, now: dt.datetime) -> frozenset[str]:
        held: frozenset[str] = frozenset()
        for grant in self.live_grants(place, now):
            if grant.team is team:
                held |= self.permissions(grant.role, grant.custom, "team")
        return held

    def live_grants(self, holder: Member | Machine, now: dt.datetime) -> list[Grant]:
        return [
            grant
            for grant in holder.org.grants
            if grant.holder is holder and grant.is_there
            and not grant.has_ended and grant.until > now
        ]  # fmt: skip

    def is_withheld(self, org: Org, permission: str) -> bool:
        if org.purge_at is not None and permission not in IN_DELETION:
            return True
        kinds = {kind for kind, _ in org.restrictions}
        return (
            ("suspended" in kinds and permission not in WHILE_SUSPENDED)
            or ("read_only" in kinds and not permission.endswith(".read"))
            or ("over_quota", permission) in org.restrictions
        )

    # --- decisions ----------------------------------------------------------------------

    def need(self, actor: Actor, permission: str, on: Resource, now: dt.datetime) -> Refusals:
        """Return what the actor gets for lacking a permission: nothing, Missing or Denied."""
        if actor.is_operator:
            return []
        org = on if isinstance(on, Org) else on.org
        place = self.membership(actor, org)
        if place is None:
            return [Missing]
        if self.is_withheld(org, permission) or not self._by_roles(place, permission, on, now):
            return [Denied]
        return []

    def _by_roles(
        self, place: Member | Machine, permission: str, on: Resource, now: dt.datetime
    ) -> bool:
        wide = self.wide(place, now)
        if isinstance(on, Machine):
            on = on.team or on.org
        if isinstance(on, Project):
            if on.visibility == "restricted":
                role = on.named.get(place)
                if role and permission in self.permissions(role, None, "team"):
                    return True
                if permission not in (P.PROJECT_UPDATE, P.PROJECT_DELETE):
                    return False
            on = on.team
        if isinstance(on, Org):
            by_policy = permission == P.TEAM_CREATE and on.policies.get("allows_member_teams")
            is_member = isinstance(place, Member) and place.role != "viewer"
            return permission in wide or bool(by_policy and is_member)
        if permission in wide and (permission != P.TEAM_READ or P.TEAM_MEMBER_MANAGE in wide):
            return True
        label, held = self.in_team(place, on)
        if permission in held or permission in self.granted(place, on, now):
            return True
        if permission == P.TEAM_READ:
            return permission in wide and not on.effective("is_hidden")
        invites = on.effective("lets_members_invite") and label in ("admin", "member")
        return permission == P.MEMBER_INVITE and invites and isinstance(place, Member)

    def held_on(self, actor: Actor, on: Org | Team, now: dt.datetime) -> frozenset[str]:
        org = on if isinstance(on, Org) else on.org
        place = self.membership(actor, org)
        if place is None:
            return frozenset()
        held = self.wide(place, now)
        if isinstance(on, Team):
            held |= self.in_team(place, on)[1] | self.granted(place, on, now)
        return frozenset(name for name in held if not self.is_withheld(org, name))

    def must_hold(
        self, actor: Actor, wanted: frozenset[str], on: Org | Team, now: dt.datetime
    ) -> Refusals:
        """Return what stands in the way of giving away these permissions."""
        if actor.is_operator:
            return []
        org = on if isinstance(on, Org) else on.org
        lacking = wanted - self.held_on(actor, on, now)
        return self.need(actor, P.ORGANIZATION_READ, org, now) or ([Denied] if lacking else [])

    def giving(
        self,
        actor: Actor,
        on: Org | Team,
        role: str,
        custom: Role | None,
        now: dt.datetime,
        *,
        owner: bool = False,
    ) -> Refusals:
        """Return what stands in the way of giving a role."""
        scope = "team" if isinstance(on, Team) else "organization"
        org = on if isinstance(on, Org) else on.org
        if custom is not None:
            if custom.org is not org or not custom.is_there or custom.scope != scope:
                return [Invalid]
            role = custom.inherits
        known = TEAM_ROLES if scope == "team" else ORGANIZATION_ROLES
        if role not in known or (role == "owner" and not owner):
            return [Invalid]
        return self.must_hold(actor, self.permissions(role, custom, scope), on, now)

    def oneself(self, actor: Actor, user: User) -> Refusals:
        return [] if actor.is_operator or actor.who is user else [Denied]

    # --- what ends together -------------------------------------------------------------

    def end_keys(self, now: dt.datetime, **which: Any) -> None:
        for key in self.keys:
            if key.is_live(now) and all(
                getattr(key, name) is wanted for name, wanted in which.items()
            ):
                key.is_revoked = True

    def end_extras(self, member: Member) -> None:
        for grant in member.org.grants:
            if grant.holder is member:
                grant.has_ended = True
        for request in member.org.requests:
            if request.member is member and request.state == "pending":
                request.state = "withdrawn"
        self.revoke_invitations(member.org, member.user)

    def revoke_invitations(self, org: Org, by: User | Machine) -> None:
        for invitation in org.invitations:
            if invitation.by is by and invitation.state == "open":
                invitation.state = "revoked"

    def revoke_invitations_to(self, org: Org, user: User) -> None:
        """Whoever is put out comes back by none of the addresses that are proved theirs."""
        for invitation in org.invitations:
            if invitation.email in user.proved and invitation.state == "open":
                invitation.state = "revoked"

    def end_membership(
        self, member: Member, status: str, now: dt.datetime, *, leaves: bool
    ) -> None:
        """Deactivate or remove a member, with all that ends along."""
        member.status = status
        self.end_extras(member)
        self.end_keys(now, org=member.org, owner=member.user)
        self.revoke_invitations_to(member.org, member.user)
        if status == "removed":
            for team in member.org.teams:
                team.places.pop(member, None)
            for project in member.org.projects:
                project.named.pop(member, None)
            member.role, member.custom, member.seat = "member", None, "none"
        elsewhere = any(
            org.members[member.user].is_active
            for org in self.orgs
            if org.is_there and member.user in org.members
        )
        if not leaves and not elsewhere:
            member.user.sessions.clear()

    def drop_team(self, team: Team) -> None:
        """Delete a team with what is its own."""
        org = team.org
        for machine in [m for m in org.machines if m.team is team]:
            self.drop_machine(machine)
        for project in [p for p in org.projects if p.team is team]:
            self.drop_project(project)
        for rows in (org.grants, org.requests):
            for row in [row for row in rows if row.team is team]:
                row.is_there = False
                rows.remove(row)
        for invitation in org.invitations:
            invitation.teams.pop(team, None)
        org.teams.remove(team)
        self.forget_names(team)
        team.is_there = False

    def drop_machine(self, machine: Machine) -> None:
        org = machine.org
        for project in org.projects:
            project.named.pop(machine, None)
        for grant in [g for g in org.grants if g.holder is machine]:
            grant.is_there = False
            org.grants.remove(grant)
        for key in [key for key in self.keys if key.owner is machine]:
            key.is_there = False
            self.keys.remove(key)
        org.machines.remove(machine)
        machine.is_there = False

    def drop_project(self, project: Project) -> None:
        project.org.projects.remove(project)
        project.is_there = False

    def drop_org(self, org: Org) -> None:
        """Purge an organization with all that is its own."""
        for team in list(org.teams):
            self.drop_team(team)
        for machine in list(org.machines):
            self.drop_machine(machine)
        for key in [key for key in self.keys if key.org is org]:
            key.is_there = False
            self.keys.remove(key)
        for rows in (org.roles, org.invitations, org.requests, org.grants):
            for row in rows:
                row.is_there = False
        self.slugs.discard(org.slug)
        self.orgs.remove(org)
        org.is_there = False

    def drop_user(self, user: User) -> None:
        for org in self.orgs:
            member = org.members.pop(user, None)
            if member is None:
                continue
            for rows, held in ((org.grants, "holder"), (org.requests, "member")):
                for row in [row for row in rows if getattr(row, held) is member]:
                    row.is_there = False
                    rows.remove(row)
        for key in [key for key in self.keys if key.owner is user]:
            key.is_there = False
            self.keys.remove(key)
        self.forget_names(user)
        self.users.remove(user)
        user.is_there = False
