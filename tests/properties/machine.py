"""The whole machine, and what it starts with."""

from hypothesis.stateful import initialize, multiple

from orgs.permissions import P
from tests.properties.rules_keys import Keys
from tests.properties.stage import (
    custom_roles,
    invited,
    keys,
    lent,
    machines,
    memberships,
    organizations,
    projects,
    teams,
    users,
    wishes,
)

PEOPLE = 4


class Domain(Keys):
    """Every rule, in a world that has something of everything.

    An act then waits for no lucky chain of other acts. The initial rules run in any order, so
    the first of them furnishes the world and the others hand out what is there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.furnished = {}

    def _part(self, name):
        if not self.furnished:
            self.furnished = self._furnish()
        return self.furnished[name]

    def _furnish(self):
        people = [self.sign_up_by_operator(f"person-{number}") for number in range(PEOPLE)]
        _, anna, bert, carl = people
        org = self.found(people[0], "acme")
        member = self.provision(org=org, user=anna, n=0, role="member", custom=None, seat="full")
        viewer = self.provision(org=org, user=bert, n=0, role="viewer", custom=None, seat="viewer")
        team = self.create_team(org=org, n=0, name="core", admin=None)
        self.add_to_team(team=team, member=member, n=0, role="member", custom=None)
        project = self.create_project(team=team, n=0, name="tower", visibility="restricted")
        self.name_on_project(project=project, holder=viewer, n=0, role="viewer")
        key = self.make_key(org=org, owner=anna, n=1, days=None)
        self.define_feature(n=0, flag="new-charts", is_on=False)
        return {
            "people": people,
            "organization": org,
            "members": [member, viewer],
            "team": team,
            "role": self.create_role(
                org=org, n=0, name="Keeper", is_wide=False, base="member",
                wide=set(), narrow={P.PROJECT_DELETE}, fewer=False,
            ),
            "project": project,
            "machine": self.create_machine(
                org=org, team=None, n=0, name="robot", role="member", custom=None
            ),
            "keys": [key, self.rotate_key(key=key, n=1, overlap=90_000)],
            "grant": self.give_access(
                org=org, holder=member, team=team, n=0, role="admin", custom=None, days=10
            ),
            "invitation": self.invite(
                org=org, user=carl, team=None, n=0, role="member", custom=None,
                seat="none", team_role="member",
            ),
            # The third person inside, counted from the owner, is the viewer.
            "wish": self.ask(
                org=org, n=5, kind="seat", team=None, role="", seat="full", hours=None
            ),
        }  # fmt: skip

    @initialize(target=users)
    def first_people(self):
        return multiple(*self._part("people"))

    @initialize(target=organizations)
    def first_organization(self):
        return self._part("organization")

    @initialize(target=memberships)
    def first_members(self):
        return multiple(*self._part("members"))

    @initialize(target=teams)
    def first_team(self):
        return self._part("team")

    @initialize(target=custom_roles)
    def first_role(self):
        return self._part("role")

    @initialize(target=projects)
    def first_project(self):
        return self._part("project")

    @initialize(target=machines)
    def first_machine(self):
        return self._part("machine")

    @initialize(target=keys)
    def first_keys(self):
        return multiple(*self._part("keys"))

    @initialize(target=lent)
    def first_grant(self):
        return self._part("grant")

    @initialize(target=invited)
    def first_invitation(self):
        return self._part("invitation")

    @initialize(target=wishes)
    def first_wish(self):
        return self._part("wish")
