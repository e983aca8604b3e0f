"""Rules of teams, roles, service accounts, projects and features."""

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from kernel.errors import Denied, Missing
from orgs.actions import roles
from orgs.actions import teams as team_actions
from orgs.errors import (
    AlreadyMember,
    ConfirmationMismatch,
    NameTaken,
    NotActive,
    PolicyForbids,
    RoleInUse,
)
from orgs.permissions import P
from tests.properties.rules_members import Members
from tests.properties.stage import (
    ACTORS,
    NAMES,
    TEAM_ROLE,
    custom_roles,
    memberships,
    organizations,
    teams,
)
from tests.properties.things import Member, Role, Team

EITHER = [Missing, Denied]
"""What is gone or foreign may be refused by the role there or by not being here."""

WIDE = st.sets(
    st.sampled_from(
        [
            P.MEMBER_INVITE,
            P.MEMBER_UPDATE,
            P.TEAM_CREATE,
            P.GRANT_MANAGE,
            P.ORGANIZATION_READ,
            P.AUDIT_READ,
            P.SERVICE_ACCOUNT_MANAGE,
        ]
    ),
    max_size=3,
)
NARROW = st.sets(
    st.sampled_from(
        [
            P.TEAM_MEMBER_MANAGE,
            P.PROJECT_UPDATE,
            P.PROJECT_DELETE,
            P.TEAM_READ,
            P.REQUEST_DECIDE,
            P.GRANT_MANAGE,
        ]
    ),
    max_size=3,
)
SETTINGS = st.sampled_from(["is_hidden", "lets_members_invite", "keeps_new_projects_private"])


class Teams(Members):
    """What an organization is divided into."""

    def at(self, thing):
        """Return what keeps everybody from a thing that is gone."""
        return self.gone(thing.org) or ([] if thing.is_there else list(EITHER))

    def on_team(self, actor, permission, team):
        return self.at(team) or self.world.need(actor, permission, team, self.now)

    # --- teams --------------------------------------------------------------------------

    @rule(target=teams, org=organizations, n=ACTORS, name=NAMES, admin=st.none() | memberships)
    def create_team(self, org, n, name, admin):
        actor, row = self.actor(n, org), self.fresh(org)
        mine = self.world.membership(actor, org) if not actor.is_operator else None
        first = mine if isinstance(mine, Member) else None
        refusals = self.gone(org) or self.world.need(actor, P.TEAM_CREATE, org, self.now)
        if admin is not None and admin is not first:
            first = admin
            refusals = refusals or self.world.need(actor, P.TEAM_MEMBER_MANAGE, org, self.now)
            refusals = refusals or self.foreign(org, admin) or self.gone(admin)
            refusals = refusals or ([] if admin.is_active else [NotActive])
        if not self.world.is_name_free(name, self.now):
            refusals = refusals or [NameTaken]
        made = self.act(
            "teams.create",
            refusals,
            lambda: team_actions.create(
                actor=self.principal(actor), organization=row, name=name, admin=admin and admin.row
            ),
            inside=org,
        )
        if made is None:
            return multiple()
        team = Team(org, made, name)
        org.teams.append(team)
        self.claim(name, team)
        if first is not None:
            team.places[first] = ("admin", None)
        return team

    @rule(team=teams, n=ACTORS, name=NAMES)
    def rename_team(self, team, n, name):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_UPDATE, team)
        held = self.world.names.get(name.casefold())
        is_own = held is not None and held[0] is team
        if team.name != name and not is_own and not self.world.is_name_free(name, self.now):
            refusals = refusals or [NameTaken]
        theirs = self.again(team, "organization")
        if self.act(
            "teams.rename",
            refusals,
            lambda: team_actions.rename(
                actor=self.principal(actor), organization=row, team=theirs, name=name
            ),
            inside=team.org,
        ):
            self._renamed(team, team.name, name)
            team.name = name

    @rule(team=teams, n=ACTORS, setting=SETTINGS, value=st.booleans())
    def set_up_team(self, team, n, setting, value):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_UPDATE, team)
        theirs = self.again(team, "organization")
        if not refusals and team.settings.get(setting, False) != value:
            policy = team_actions.ENFORCEMENTS[setting][0]
            refusals = [PolicyForbids] if team.org.policies.get(policy) else []
        if self.act(
            "teams.update",
            refusals,
            lambda: team_actions.update(
                actor=self.principal(actor), organization=row, team=theirs, changes={setting: value}
            ),
            inside=team.org,
        ):
            team.settings[setting] = value

    @rule(team=teams, n=ACTORS, typo=st.sampled_from(["", "", "x"]))
    def delete_team(self, team, n, typo):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_DELETE, team)
        refusals = refusals or ([ConfirmationMismatch] if typo else [])
        theirs = self.again(team, "organization")
        if self.act(
            "teams.delete",
            refusals,
            lambda: team_actions.delete(
                actor=self.principal(actor),
                organization=row,
                team=theirs,
                confirmation=team.name + typo,
            ),
            inside=team.org,
        ):
            self.world.drop_team(team)

    @rule(team=teams, member=memberships, n=ACTORS, role=TEAM_ROLE, custom=st.none() | custom_roles)
    def add_to_team(self, team, member, n, role, custom):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.against_adding(actor, team, member, role, custom)
        theirs = self.again(team, "organization")
        if self.act(
            "teams.add_member",
            refusals,
            lambda: team_actions.add_member(
                actor=self.principal(actor),
                organization=row,
                team=theirs,
                member=member.row,
                role=role,
                custom_role=custom and custom.row,
            ),
            inside=team.org,
        ):
            team.places[member] = (custom.inherits if custom else role, custom)

    def against_adding(self, actor, team, member, role, custom):
        """Return what keeps an actor from adding a member to a team."""
        refusals = self.on_team(actor, P.TEAM_MEMBER_MANAGE, team)
        refusals = refusals or self.foreign(team.org, member) or self.gone(member)
        refusals = refusals or ([] if member.is_active else [NotActive])
        refusals = refusals or self.world.giving(actor, team, role, custom, self.now)
        return refusals or ([AlreadyMember] if member in team.places else [])

    @rule(team=teams, member=memberships, n=ACTORS, role=TEAM_ROLE, custom=st.none() | custom_roles)
    def change_place(self, team, member, n, role, custom):
        member = self.one_of(team.places, n, member)
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_MEMBER_MANAGE, team)
        refusals = refusals or ([] if member in team.places else [Missing])
        refusals = refusals or self.world.giving(actor, team, role, custom, self.now)
        theirs = self.again(team, "organization")
        if self.act(
            "teams.change_member_role",
            refusals,
            lambda: team_actions.change_member_role(
                actor=self.principal(actor),
                organization=row,
                team=theirs,
                member=member.row,
                role=role,
                custom_role=custom and custom.row,
            ),
            inside=team.org,
        ):
            team.places[member] = (custom.inherits if custom else role, custom)

    @rule(team=teams, member=memberships, n=ACTORS)
    def take_out_of_team(self, team, member, n):
        member = self.one_of(team.places, n, member)
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_MEMBER_MANAGE, team)
        refusals = refusals or ([] if member in team.places else [Missing])
        theirs = self.again(team, "organization")
        if self.act(
            "teams.remove_member",
            refusals,
            lambda: team_actions.remove_member(
                actor=self.principal(actor), organization=row, team=theirs, member=member.row
            ),
            inside=team.org,
        ):
            self._left(team, member)

    @rule(team=teams, n=ACTORS)
    def leave_team(self, team, n):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.gone(team.org)
        refusals = refusals or self.world.need(actor, P.ORGANIZATION_READ, team.org, self.now)
        mine = None if actor.is_operator else self.world.membership(actor, team.org)
        refusals = refusals or self.gone(team)
        refusals = refusals or ([] if mine in team.places else [Missing])
        theirs = self.again(team, "organization")
        if self.act(
            "teams.leave",
            refusals,
            lambda: team_actions.leave(actor=self.principal(actor), organization=row, team=theirs),
            inside=team.org,
        ):
            self._left(team, mine)

    def _left(self, team, member):
        del team.places[member]
        for grant in team.org.grants:
            if grant.holder is member and grant.team is team:
                grant.has_ended = True
        for project in team.org.projects:
            if project.team is team:
                project.named.pop(member, None)

    # --- roles --------------------------------------------------------------------------

    @rule(
        target=custom_roles,
        org=organizations,
        n=ACTORS,
        name=st.sampled_from(["Lead", "lead", "Helper"]),
        is_wide=st.booleans(),
        base=st.sampled_from(["member", "viewer", "admin"]),
        wide=WIDE,
        narrow=NARROW,
        fewer=st.booleans(),
    )
    def create_role(self, org, n, name, is_wide, base, wide, narrow, fewer):
        actor, row = self.actor(n, org), self.fresh(org)
        scope, chosen = ("organization", wide) if is_wide else ("team", narrow)
        added, removed = (set(), chosen) if fewer else (chosen, set())
        refusals = self.gone(org) or self.world.need(actor, P.ROLE_MANAGE, org, self.now)
        refusals = refusals or self.world.must_hold(
            actor, frozenset(map(str, added)), org, self.now
        )
        taken = {(role.scope, role.name.casefold()) for role in org.roles}
        refusals = refusals or ([NameTaken] if (scope, name.casefold()) in taken else [])
        made = self.act(
            "roles.create",
            refusals,
            lambda: roles.create(
                actor=self.principal(actor),
                organization=row,
                name=name,
                scope=scope,
                inherits=base,
                added=map(str, added),
                removed=map(str, removed),
            ),
            inside=org,
        )
        if made is None:
            return multiple()
        role = Role(
            org, made, name, scope, base, frozenset(map(str, added)), frozenset(map(str, removed))
        )
        org.roles.append(role)
        return role

    @rule(role=custom_roles, n=ACTORS, wide=WIDE, narrow=NARROW, fewer=st.booleans())
    def update_role(self, role, n, wide, narrow, fewer):
        org, row = role.org, self.fresh(role.org)
        actor = self.actor(n, org)
        chosen = frozenset(map(str, wide if role.scope == "organization" else narrow))
        changed = Role(
            org,
            role.row,
            role.name,
            role.scope,
            role.inherits,
            frozenset() if fewer else chosen,
            chosen if fewer else frozenset(),
        )
        before = self.world.permissions("", role, role.scope)
        after = self.world.permissions("", changed, role.scope)
        refusals = self.gone(org) or self.world.need(actor, P.ROLE_MANAGE, org, self.now)
        refusals = refusals or self.gone(role)
        if (role.added, role.removed) != (changed.added, changed.removed):
            refusals = refusals or self.world.must_hold(actor, after - before, org, self.now)
        if self.act(
            "roles.update",
            refusals,
            lambda: roles.update(
                actor=self.principal(actor),
                organization=row,
                role=role.row,
                changes={"added": changed.added, "removed": changed.removed},
            ),
            inside=org,
        ):
            role.added, role.removed = changed.added, changed.removed

    @rule(role=custom_roles, n=ACTORS)
    def delete_role(self, role, n):
        org, row = role.org, self.fresh(role.org)
        actor = self.actor(n, org)
        carriers = [
            *(member for member in org.members.values() if member.custom is role),
            *(machine for machine in org.machines if machine.custom is role),
            *(place for team in org.teams for place in team.places.values() if place[1] is role),
            *(i for i in org.invitations if i.custom is role and i.state == "open"),
            *(g for g in org.grants if g.custom is role and not g.has_ended and g.until > self.now),
        ]
        refusals = self.gone(org) or self.world.need(actor, P.ROLE_MANAGE, org, self.now)
        refusals = refusals or self.gone(role) or ([RoleInUse] if carriers else [])
        if self.act(
            "roles.delete",
            refusals,
            lambda: roles.delete(actor=self.principal(actor), organization=row, role=role.row),
            inside=org,
        ):
            for carrier in (*org.grants, *org.invitations):
                carrier.custom = None if carrier.custom is role else carrier.custom
            org.roles.remove(role)
            role.is_there = False

    @rule(role=custom_roles, org=organizations, scope=st.sampled_from(["team", "organization"]))
    def find_role(self, role, org, scope):
        refusals = self.foreign(org, role) or self.gone(org, role)
        refusals = refusals or ([] if role.scope == scope else [Missing])
        self.act("roles.find", refusals, lambda: roles.find(org.row, role.row.wire_id, scope))

    @rule(n=ACTORS, name=st.sampled_from(["run.write", "run.read"]), wide=st.booleans())
    def register_permission(self, n, name, wide):
        actor = self.actor(n % 2, None)
        team_roles = ["admin", "member", "viewer"] if wide else ["admin"]
        refusals = [] if actor.is_operator else [Denied]
        if self.act(
            "roles.register_platform_permission",
            refusals,
            lambda: roles.register_platform_permission(
                actor=self.principal(actor),
                name=name,
                description="x",
                team_roles=team_roles,
                is_read=name == "run.read",
            ),
        ):
            self.world.platform[name] = (frozenset(team_roles), name == "run.read")
