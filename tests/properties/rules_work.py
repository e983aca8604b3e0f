"""Rules of service accounts, projects and features."""

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from kernel.errors import Conflict, Denied, Invalid, Missing
from orgs.actions import features, service_accounts
from orgs.actions import projects as project_actions
from orgs.errors import (
    ConfirmationMismatch,
    NameTaken,
    NotActive,
    PolicyForbids,
)
from orgs.permissions import P
from tests.properties.rules_teams import EITHER, Teams
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
from tests.properties.things import Actor, Machine, Member, Project

VISIBILITY = st.sampled_from(["team", "restricted", "restricted", "open", "public"])
FLAGS = st.sampled_from(["new-charts", "old-charts"])


class Work(Teams):
    """Rules of service accounts, projects and features."""

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
        made = self.act(
            "service_accounts.create",
            refusals,
            lambda: service_accounts.create(
                actor=self.principal(actor),
                organization=row,
                name=name,
                team=team and self.again(team, "organization"),
                role=role,
                custom_role=custom and custom.row,
            ),
            inside=org,
        )
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
        if self.act(
            "service_accounts.update",
            refusals,
            lambda: service_accounts.update(
                actor=self.principal(actor),
                organization=row,
                account=machine.row,
                changes={"role": role, "custom_role": custom and custom.row},
            ),
            inside=org,
        ):
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
        if self.act(
            name,
            refusals,
            lambda: switch(actor=self.principal(actor), organization=row, account=machine.row),
            inside=machine.org,
        ):
            machine.is_disabled = off

    @rule(machine=machines, n=ACTORS)
    def delete_machine(self, machine, n):
        row, actor = self.fresh(machine.org), self.actor(n, machine.org)
        refusals = self._over_machine(actor, machine)
        if self.act(
            "service_accounts.delete",
            refusals,
            lambda: service_accounts.delete(
                actor=self.principal(actor), organization=row, account=machine.row
            ),
            inside=machine.org,
        ):
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
        made = self.act(
            "projects.create",
            refusals,
            lambda: project_actions.create(
                actor=self.principal(actor),
                organization=row,
                name=name,
                visibility=visibility,
                team=self.again(team, "organization"),
            ),
            inside=org,
        )
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
        if (
            self.act(
                "projects.update",
                refusals,
                lambda: project_actions.update(
                    actor=self.principal(actor),
                    organization=row,
                    project=project.row,
                    changes={"visibility": visibility},
                ),
                inside=project.org,
            )
            and visibility != project.visibility
        ):
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
        if self.act(
            "projects.move",
            refusals,
            lambda: project_actions.move(
                actor=self.principal(actor),
                organization=row,
                project=self.again(project, "organization", "team__organization"),
                team=self.again(team, "organization"),
            ),
            inside=org,
        ):
            project.team = team
            for holder in list(project.named):
                if isinstance(holder, Machine) and holder.team not in (None, team):
                    del project.named[holder]

    @rule(project=projects, n=ACTORS, typo=st.sampled_from(["", "", "x"]))
    def delete_project(self, project, n, typo):
        row, actor = self.fresh(project.org), self.actor(n, project.org)
        refusals = self._on_project(actor, P.PROJECT_DELETE, project)
        refusals = refusals or ([ConfirmationMismatch] if typo else [])
        if self.act(
            "projects.delete",
            refusals,
            lambda: project_actions.delete(
                actor=self.principal(actor),
                organization=row,
                project=project.row,
                confirmation=project.name + typo,
            ),
            inside=project.org,
        ):
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
        if self.act(
            "projects.add_collaborator",
            refusals,
            lambda: project_actions.add_collaborator(
                actor=self.principal(actor),
                organization=row,
                project=project.row,
                holder=holder.row,
                role=role,
            ),
            inside=project.org,
        ):
            project.named[holder] = role

    @rule(project=projects, holder=memberships | machines, n=ACTORS)
    def take_off_project(self, project, holder, n):
        holder = self.one_of(project.named, n, holder)
        row, actor = self.fresh(project.org), self.actor(n, project.org)
        refusals = self._on_project(actor, P.PROJECT_UPDATE, project)
        refusals = refusals or ([] if holder in project.named else [Missing])
        if self.act(
            "projects.remove_collaborator",
            refusals,
            lambda: project_actions.remove_collaborator(
                actor=self.principal(actor),
                organization=row,
                project=project.row,
                holder=holder.row,
            ),
            inside=project.org,
        ):
            del project.named[holder]

    # --- features -----------------------------------------------------------------------

    @rule(n=ACTORS, flag=FLAGS, is_on=st.booleans())
    def define_feature(self, n, flag, is_on):
        actor = self.actor(n % 2, None)
        refusals = [] if actor.is_operator else [Denied]
        if self.act(
            "features.define",
            refusals,
            lambda: features.define(
                actor=self.principal(actor), name=flag, title=flag, is_on=is_on
            ),
        ):
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
        if self.act(
            "features.switch",
            refusals or self._known(flag),
            lambda: features.switch(
                actor=self.principal(actor), organization=row, flag=flag, is_on=is_on
            ),
            inside=org,
        ):
            self._choose(org.features, flag, is_on)

    @rule(team=teams, n=ACTORS, flag=FLAGS, is_on=SWITCH)
    def switch_feature_of_team(self, team, n, flag, is_on):
        actor, row = self.actor(n, team.org), self.fresh(team.org)
        refusals = self.on_team(actor, P.FEATURE_MANAGE, team) or self._known(flag)
        if self.act(
            "features.switch_for_team",
            refusals,
            lambda: features.switch_for_team(
                actor=self.principal(actor),
                organization=row,
                flag=flag,
                is_on=is_on,
                team=self.again(team, "organization"),
            ),
            inside=team.org,
        ):
            self._choose(team.features, flag, is_on)

    @rule(user=users, n=ACTORS, flag=FLAGS, is_on=SWITCH)
    def switch_own_feature(self, user, n, flag, is_on):
        if not user.is_there:
            return
        actor = self.actor(11, None) if n == 11 else self.actor(0, None) if n == 0 else None
        principal = self.principal(actor) if actor else self.principal(Actor(user))
        refusals = [] if actor is None else self.world.oneself(actor, user)
        if self.act(
            "features.switch_for_user",
            refusals or self._known(flag),
            lambda: features.switch_for_user(
                actor=principal, user=user.row, flag=flag, is_on=is_on
            ),
        ):
            self._choose(user.features, flag, is_on)
