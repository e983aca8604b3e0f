"""Rules of teams, roles, service accounts, projects and features."""

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from kernel.errors import Conflict, Denied, Invalid, Missing
from orgs.actions import features, projects as project_actions, roles, service_accounts
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
from tests.properties.model import Actor, Machine, Member, Project, Role, Team
from tests.properties.rules_people import People
from tests.properties.stage import (
    ACTORS,
    NAMES,
    SWITCH,
    TEAM_ROLE,
    custom_roles,
    machines,
    memberships,
    organizations,
    projects,
    teams,
    users,
)

EITHER = [Missing, Denied]
"""What is gone or foreign may be refused by the role there or by not being here."""

WIDE = st.sets(
    st.sampled_from([P.MEMBER_INVITE, P.MEMBER_UPDATE, P.TEAM_CREATE, P.GRANT_MANAGE,
                     P.ORGANIZATION_READ, P.AUDIT_READ, P.SERVICE_ACCOUNT_MANAGE]),
    max_size=3,
)  # fmt: skip
NARROW = st.sets(
    st.sampled_from([P.TEAM_MEMBER_MANAGE, P.PROJECT_UPDATE, P.PROJECT_DELETE, P.TEAM_READ,
                     P.REQUEST_DECIDE, P.GRANT_MANAGE]),
    max_size=3,
)  # fmt: skip
SETTINGS = st.sampled_from(["is_hidden", "lets_members_invite", "keeps_new_projects_private"])
VISIBILITY = st.sampled_from(["team", "restricted", "restricted", "open", "public"])
FLAGS = st.sampled_from(["new-charts", "old-charts"])


class Teams(People):
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
        made = self.act("teams.create", refusals, lambda: team_actions.create(
            actor=self.principal(actor), organization=row, name=name,
            admin=admin and admin.row), inside=org)  # fmt: skip
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
        if self.act("teams.rename", refusals, lambda: team_actions.rename(
            actor=self.principal(actor), organization=row, team=theirs, name=name),
            inside=team.org):  # fmt: skip
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
        if self.act("teams.update", refusals, lambda: team_actions.update(
            actor=self.principal(actor), organization=row, team=theirs,
            changes={setting: value}), inside=team.org):  # fmt: skip
            team.settings[setting] = value

    @rule(team=teams, n=ACTORS, typo=st.sampled_from(["", "", "x"]))
    def delete_team(self, team, n, typo):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_DELETE, team)
        refusals = refusals or ([ConfirmationMismatch] if typo else [])
        theirs = self.again(team, "organization")
        if self.act("teams.delete", refusals, lambda: team_actions.delete(
            actor=self.principal(actor), organization=row, team=theirs,
            confirmation=team.name + typo), inside=team.org):  # fmt: skip
            self.world.drop_team(team)

    @rule(
        team=teams, member=memberships, n=ACTORS, role=TEAM_ROLE, custom=st.none() | custom_roles
    )
    def add_to_team(self, team, member, n, role, custom):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.against_adding(actor, team, member, role, custom)
        theirs = self.again(team, "organization")
        if self.act("teams.add_member", refusals, lambda: team_actions.add_member(
            actor=self.principal(actor), organization=row, team=theirs, member=member.row,
            role=role, custom_role=custom and custom.row), inside=team.org):  # fmt: skip
            team.places[member] = (custom.inherits if custom else role, custom)

    def against_adding(self, actor, team, member, role, custom):
        """Return what keeps an actor from adding a member to a team."""
        refusals = self.on_team(actor, P.TEAM_MEMBER_MANAGE, team)
        refusals = refusals or self.foreign(team.org, member) or self.gone(member)
        refusals = refusals or ([] if member.is_active else [NotActive])
        refusals = refusals or self.world.giving(actor, team, role, custom, self.now)
        return refusals or ([AlreadyMember] if member in team.places else [])

    @rule(
        team=teams, member=memberships, n=ACTORS, role=TEAM_ROLE, custom=st.none() | custom_roles
    )
    def change_place(self, team, member, n, role, custom):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_MEMBER_MANAGE, team)
        refusals = refusals or ([] if member in team.places else [Missing])
        refusals = refusals or self.world.giving(actor, team, role, custom, self.now)
        theirs = self.again(team, "organization")
        if self.act("teams.change_member_role", refusals, lambda: team_actions.change_member_role(
            actor=self.principal(actor), organization=row, team=theirs, member=member.row,
            role=role, custom_role=custom and custom.row), inside=team.org):  # fmt: skip
            team.places[member] = (custom.inherits if custom else role, custom)

    @rule(team=teams, member=memberships, n=ACTORS)
    def take_out_of_team(self, team, member, n):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.TEAM_MEMBER_MANAGE, team)
        refusals = refusals or ([] if member in team.places else [Missing])
        theirs = self.again(team, "organization")
        if self.act("teams.remove_member", refusals, lambda: team_actions.remove_member(
            actor=self.principal(actor), organization=row, team=theirs, member=member.row),
            inside=team.org):  # fmt: skip
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
        if self.act("teams.leave", refusals, lambda: team_actions.leave(
            actor=self.principal(actor), organization=row, team=theirs), inside=team.org):  # fmt: skip
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
        made = self.act("roles.create", refusals, lambda: roles.create(
            actor=self.principal(actor), organization=row, name=name, scope=scope,
            inherits=base, added=map(str, added), removed=map(str, removed)), inside=org)  # fmt: skip
        if made is None:
            return multiple()
        role = Role(org, made, name, scope, base, frozenset(map(str, added)),
                    frozenset(map(str, removed)))  # fmt: skip
        org.roles.append(role)
        return role

    @rule(role=custom_roles, n=ACTORS, wide=WIDE, narrow=NARROW, fewer=st.booleans())
    def update_role(self, role, n, wide, narrow, fewer):
        org, row = role.org, self.fresh(role.org)
        actor = self.actor(n, org)
        chosen = frozenset(map(str, wide if role.scope == "organization" else narrow))
        changed = Role(org, role.row, role.name, role.scope, role.inherits,
                       frozenset() if fewer else chosen, chosen if fewer else frozenset())  # fmt: skip
        before = self.world.permissions("", role, role.scope)
        after = self.world.permissions("", changed, role.scope)
        refusals = self.gone(org) or self.world.need(actor, P.ROLE_MANAGE, org, self.now)
        refusals = refusals or self.gone(role)
        if (role.added, role.removed) != (changed.added, changed.removed):
            refusals = refusals or self.world.must_hold(actor, after - before, org, self.now)
        if self.act("roles.update", refusals, lambda: roles.update(
            actor=self.principal(actor), organization=row, role=role.row,
            changes={"added": changed.added, "removed": changed.removed}), inside=org):  # fmt: skip
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
            *(g for g in org.grants
              if g.custom is role and not g.has_ended and g.until > self.now),
        ]  # fmt: skip
        refusals = self.gone(org) or self.world.need(actor, P.ROLE_MANAGE, org, self.now)
        refusals = refusals or self.gone(role) or ([RoleInUse] if carriers else [])
        if self.act("roles.delete", refusals, lambda: roles.delete(
            actor=self.principal(actor), organization=row, role=role.row), inside=org):  # fmt: skip
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
        if self.act("roles.register_platform_permission", refusals, lambda: (
            roles.register_platform_permission(actor=self.principal(actor), name=name,
            description="x", team_roles=team_roles, is_read=name == "run.read"))):  # fmt: skip
            self.world.platform[name] = (frozenset(team_roles), name == "run.read")

    # --- service accounts ---------------------------------------------------------------

    @rule(
        target=machines,
        org=organizations,
        team=st.none() | teams,
        n=ACTORS,
        name=NAMES,
        role=st.sampled_from(["member", "admin", "viewer", "owner"]),
        custom=st.none() | custom_roles,
    )
    def create_machine(self, org, team, n, name, role, custom):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.gone(org)
        if team is not None:
            refusals = refusals or (list(EITHER) if team.org is not org else self.at(team))
        place = team or org
        refusals = refusals or self.world.need(actor, P.SERVICE_ACCOUNT_MANAGE, place, self.now)
        refusals = refusals or self.world.giving(actor, place, role, custom, self.now)
        taken = {m.name.casefold() for m in org.machines if m.team is team}
        refusals = refusals or ([NameTaken] if name.casefold() in taken else [])
        made = self.act("service_accounts.create", refusals, lambda: service_accounts.create(
            actor=self.principal(actor), organization=row, name=name,
            team=team and self.again(team, "organization"), role=role,
            custom_role=custom and custom.row), inside=org)  # fmt: skip
        if made is None:
            return multiple()
        machine = Machine(org, made, team, name, custom.inherits if custom else role, custom)
        org.machines.append(machine)
        return machine

    @rule(
        machine=machines,
        n=ACTORS,
        role=st.sampled_from(["member", "admin", "viewer"]),
        custom=st.none() | custom_roles,
    )
    def update_machine(self, machine, n, role, custom):
        org, row = machine.org, self.fresh(machine.org)
        actor, place = self.actor(n, org), machine.team or org
        scope = "team" if machine.team else "organization"
        refusals = self._over_machine(actor, machine)
        refusals = refusals or self.world.giving(actor, place, role, custom, self.now)
        held = self.world.permissions(machine.role, machine.custom, scope)
        if self.act("service_accounts.update", refusals, lambda: service_accounts.update(
            actor=self.principal(actor), organization=row, account=machine.row,
            changes={"role": role, "custom_role": custom and custom.row}), inside=org):  # fmt: skip
            machine.role, machine.custom = custom.inherits if custom else role, custom
            if not held <= self.world.permissions(machine.role, custom, scope):
                self.world.revoke_invitations(org, machine)

    def _over_machine(self, actor, machine):
        refusals = self.gone(machine.org) or self.gone(machine)
        return refusals or self.world.need(actor, P.SERVICE_ACCOUNT_MANAGE, machine, self.now)

    @rule(machine=machines, n=ACTORS, off=st.booleans())
    def switch_machine(self, machine, n, off):
        row = self.fresh(machine.org)
        actor = self.actor(n, machine.org)
        refusals = self._over_machine(actor, machine)
        name = "service_accounts.disable" if off else "service_accounts.enable"
        switch = service_accounts.disable if off else service_accounts.enable
        if self.act(name, refusals, lambda: switch(
            actor=self.principal(actor), organization=row, account=machine.row),
            inside=machine.org):  # fmt: skip
            machine.is_disabled = off

    @rule(machine=machines, n=ACTORS)
    def delete_machine(self, machine, n):
        row, actor = self.fresh(machine.org), self.actor(n, machine.org)
        refusals = self._over_machine(actor, machine)
        if self.act("service_accounts.delete", refusals, lambda: service_accounts.delete(
            actor=self.principal(actor), organization=row, account=machine.row),
            inside=machine.org):  # fmt: skip
            self.world.revoke_invitations(machine.org, machine)
            self.world.drop_machine(machine)

    # --- projects -----------------------------------------------------------------------

    def _fits(self, team, visibility):
        """Return what a policy or setting says against a visibility in a team."""
        if visibility not in ("open", "public"):
            return []
        forbidden = not team.org.policies["allows_public_projects"]
        return [PolicyForbids] if forbidden or team.effective("keeps_new_projects_private") else []

    def _is_named(self, team, name, but=None):
        there = (p.name.casefold() for p in team.org.projects if p.team is team and p is not but)
        return [NameTaken] if name.casefold() in there else []

    @rule(target=projects, team=teams, n=ACTORS, name=NAMES, visibility=VISIBILITY)
    def create_project(self, team, n, name, visibility):
        org, row = team.org, self.fresh(team.org)
        actor = self.actor(n, org)
        refusals = self.on_team(actor, P.PROJECT_CREATE, team)
        refusals = refusals or self._fits(team, visibility) or self._is_named(team, name)
        made = self.act("projects.create", refusals, lambda: project_actions.create(
            actor=self.principal(actor), organization=row, name=name, visibility=visibility,
            team=self.again(team, "organization")), inside=org)  # fmt: skip
        if made is None:
            return multiple()
        project = Project(org, made, team, name, visibility)
        org.projects.append(project)
        self._name_actor(actor, project)
        return project

    def _name_actor(self, actor, project):
        place = None if actor.is_operator else self.world.membership(actor, project.org)
        if project.visibility == "restricted" and place is not None:
            project.named[place] = "admin"

    def _on_project(self, actor, permission, project):
        refusals = self.gone(project.org) or self.gone(project)
        return refusals or self.world.need(actor, permission, project, self.now)

    @rule(project=projects, n=ACTORS, visibility=VISIBILITY)
    def show_project(self, project, n, visibility):
        row, actor = self.fresh(project.org), self.actor(n, project.org)
        refusals = self._on_project(actor, P.PROJECT_UPDATE, project)
        if not refusals and visibility != project.visibility:
            refusals = self._fits(project.team, visibility)
            if project.visibility == "restricted" and visibility != "team":
                refusals = refusals or [Invalid]
        if self.act("projects.update", refusals, lambda: project_actions.update(
            actor=self.principal(actor), organization=row, project=project.row,
            changes={"visibility": visibility}), inside=project.org):  # fmt: skip
            if visibility != project.visibility:
                project.visibility = visibility
                project.named.clear()
                self._name_actor(actor, project)

    @rule(project=projects, team=teams, n=ACTORS)
    def move_project(self, project, team, n):
        org, row = project.org, self.fresh(project.org)
        actor = self.actor(n, org)
        refusals = self.gone(org)
        if team.org is not org or not team.is_there or not project.is_there:
            refusals = refusals or list(EITHER)
        refusals = refusals or self.world.need(actor, P.PROJECT_CREATE, team, self.now)
        for permission in (P.PROJECT_DELETE, P.PROJECT_UPDATE):
            refusals = refusals or self.world.need(actor, permission, project, self.now)
        if project.team is not team:
            refusals = refusals or self._fits(team, project.visibility)
            refusals = refusals or self._is_named(team, project.name)
        if self.act("projects.move", refusals, lambda: project_actions.move(
            actor=self.principal(actor), organization=row,
            project=self.again(project, "organization", "team__organization"),
            team=self.again(team, "organization")), inside=org):  # fmt: skip
            project.team = team
            for holder in list(project.named):
                if isinstance(holder, Machine) and holder.team not in (None, team):
                    del project.named[holder]

    @rule(project=projects, n=ACTORS, typo=st.sampled_from(["", "", "x"]))
    def delete_project(self, project, n, typo):
        row, actor = self.fresh(project.org), self.actor(n, project.org)
        refusals = self._on_project(actor, P.PROJECT_DELETE, project)
        refusals = refusals or ([ConfirmationMismatch] if typo else [])
        if self.act("projects.delete", refusals, lambda: project_actions.delete(
            actor=self.principal(actor), organization=row, project=project.row,
            confirmation=project.name + typo), inside=project.org):  # fmt: skip
            self.world.drop_project(project)

    @rule(project=projects, holder=memberships | machines, n=ACTORS, role=TEAM_ROLE)
    def name_on_project(self, project, holder, n, role):
        row, actor = self.fresh(project.org), self.actor(n, project.org)
        refusals = self._on_project(actor, P.PROJECT_UPDATE, project)
        refusals = refusals or ([] if project.visibility == "restricted" else [Conflict])
        refusals = refusals or ([Invalid] if role == "owner" else [])
        refusals = refusals or self.foreign(project.org, holder) or self.gone(holder)
        if isinstance(holder, Member):
            refusals = refusals or ([] if holder.is_active else [NotActive])
        elif holder.team not in (None, project.team):
            refusals = refusals or [Conflict]
        if self.act("projects.add_collaborator", refusals, lambda: (
            project_actions.add_collaborator(actor=self.principal(actor), organization=row,
            project=project.row, holder=holder.row, role=role)), inside=project.org):  # fmt: skip
            project.named[holder] = role

    @rule(project=projects, holder=memberships | machines, n=ACTORS)
    def take_off_project(self, project, holder, n):
        row, actor = self.fresh(project.org), self.actor(n, project.org)
        refusals = self._on_project(actor, P.PROJECT_UPDATE, project)
        refusals = refusals or ([] if holder in project.named else [Missing])
        if self.act("projects.remove_collaborator", refusals, lambda: (
            project_actions.remove_collaborator(actor=self.principal(actor), organization=row,
            project=project.row, holder=holder.row)), inside=project.org):  # fmt: skip
            del project.named[holder]

    # --- features -----------------------------------------------------------------------

    @rule(n=ACTORS, flag=FLAGS, is_on=st.booleans())
    def define_feature(self, n, flag, is_on):
        actor = self.actor(n % 2, None)
        refusals = [] if actor.is_operator else [Denied]
        if self.act("features.define", refusals, lambda: features.define(
            actor=self.principal(actor), name=flag, title=flag, is_on=is_on)):  # fmt: skip
            self.world.flags[flag] = is_on

    def _choose(self, choices, flag, is_on):
        if is_on is None:
            choices.pop(flag, None)
        else:
            choices[flag] = is_on

    def _known(self, flag):
        return [] if flag in self.world.flags else [Missing]

    @rule(org=organizations, n=ACTORS, flag=FLAGS, is_on=SWITCH)
    def switch_feature(self, org, n, flag, is_on):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.gone(org) or self.world.need(actor, P.FEATURE_MANAGE, org, self.now)
        if self.act("features.switch", refusals or self._known(flag), lambda: features.switch(
            actor=self.principal(actor), organization=row, flag=flag, is_on=is_on), inside=org):  # fmt: skip
            self._choose(org.features, flag, is_on)

    @rule(team=teams, n=ACTORS, flag=FLAGS, is_on=SWITCH)
    def switch_feature_of_team(self, team, n, flag, is_on):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.FEATURE_MANAGE, team) or self._known(flag)
        if self.act("features.switch_for_team", refusals, lambda: features.switch_for_team(
            actor=self.principal(actor), organization=row, flag=flag, is_on=is_on,
            team=self.again(team, "organization")), inside=team.org):  # fmt: skip
            self._choose(team.features, flag, is_on)

    @rule(user=users, n=ACTORS, flag=FLAGS, is_on=SWITCH)
    def switch_own_feature(self, user, n, flag, is_on):
        if not user.is_there:
            return
        actor = self.actor(11, None) if n == 11 else self.actor(0, None) if n == 0 else None
        principal = self.principal(actor) if actor else self.principal(Actor(user))
        refusals = [] if actor is None else self.world.oneself(actor, user)
        if self.act("features.switch_for_user", refusals or self._known(flag), lambda: (
            features.switch_for_user(actor=principal, user=user.row, flag=flag, is_on=is_on))):  # fmt: skip
            self._choose(user.features, flag, is_on)

