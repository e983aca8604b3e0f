"""An identity provider, an admin and members act in any order; the house stays true.

After each step every invariant is asked (the directory counts its rows, shows each member as
active as they are, and so on), and what SCIM shows is compared with memberships and teams.
"""

import os
from collections import Counter

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from identity.actions import accounts, api_keys, provisioning, scim_groups, scim_users
from identity.actions.scim_groups import MemberChange
from identity.directory import written
from identity.invariants import texts_tell_what_the_rows_do
from identity.models import Directory, ProvisioningConnection, SCIMGroup, SCIMUser
from identity.resources import patch
from identity.resources.schema import STEWARD_URN, USER
from kernel.errors import DomainError
from kernel.invariants import broken_rules
from orgs.actions import invitations, members, projects, roles, service_accounts, teams, users
from orgs.models import (
    Invitation,
    Membership,
    Role,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)
from tests.factories import OPERATOR, as_service_account, as_user
from tests.worlds import acme

# All examples are one transaction, where asking for every invariant takes PostgreSQL a second.
_USUAL = "8" if connection.vendor == "postgresql" else "15"
EXAMPLES = int(os.environ.get("STEWARD_SCIM_EXAMPLES", _USUAL))
DONE: Counter[str] = Counter()
ROLES = ("Auditor", "Pilot")
which = st.integers(0, 11)
address = st.sampled_from([f"p{n}@example.org" for n in range(5)])


class Provisioning(RuleBasedStateMachine):
    """One organization and a second one whose people come over."""

    def __init__(self):
        super().__init__()
        self.around = transaction.atomic()
        self.around.__enter__()
        world = acme()
        self.organization = world.organization
        self.owner = world.owner.principal
        self.here = {"organization": self.organization}
        self.connect()
        for number in range(2):
            # Somebody with a proved address in another organization.
            user = users.create(
                actor=OPERATOR, username=f"guest-{number}", email=f"p{number}@example.org"
            )
            accounts.vouch_for_address(actor=OPERATOR, user=user, email=user.email)
            members.provision(actor=OPERATOR, organization=world.strange_organization, user=user)
        for number in range(4):
            self.post_user(name=f"p{number}@example.org", active=True, seat="full")
        self.post_group(name="Crew", numbers=[1, 10, 11])
        self.make_role(name="Auditor", scope="organization")
        self.make_role(name="Pilot", scope="team")
        self.give_role(number=1, role="Auditor")
        self.map_group(number=0, role="Pilot")

    def teardown(self):
        transaction.set_rollback(True)
        self.around.__exit__(None, None, None)

    def act(self, function, **given):
        """Do something; what the domain refuses changes nothing."""
        try:
            with transaction.atomic():
                done = function(**given, **self.here)
        except DomainError:
            return None
        DONE[f"{function.__module__.rpartition('.')[2]}.{function.__name__}"] += 1
        return done

    def pick(self, rows, number):
        # The youngest first: they are those that SCIM made.
        found = list(rows.order_by("-pk")[:12])
        return found[number % len(found)] if found else None

    @property
    def provider(self):
        """Return who acts over SCIM: the connection, or the owner's script without one."""
        account = ServiceAccount.objects.of(self.organization).filter(kind="scim").first()
        return as_service_account(account) if account else self.owner

    @rule()
    def connect(self):
        self.act(provisioning.connect, actor=self.owner, name="Okta", provider="okta")

    @rule()
    def disconnect(self):
        row = ProvisioningConnection.objects.of(self.organization).first()
        if row:
            self.act(provisioning.issue_token, actor=self.owner, connection=row)
            self.act(provisioning.disconnect, actor=self.owner, connection=row)

    @rule(name=address, active=st.booleans(), seat=st.sampled_from(["full", "viewer", "none"]))
    def post_user(self, name, active, seat):
        resource = {
            "userName": name,
            "externalId": f"ext-{name}",
            "active": active,
            "emails": [{"value": name, "primary": True}],
            STEWARD_URN: {"seat": seat},
        }
        self.act(scim_users.create, actor=self.provider, resource=resource)

    @rule(
        number=which,
        operation=st.sampled_from(
            [
                {"op": "replace", "value": {"active": False}},
                {"op": "replace", "value": {"active": True}},
                {"op": "replace", "path": "title", "value": "Dr."},
                {"op": "replace", "path": "displayName", "value": "Somebody"},
                {"op": "replace", "path": "userName", "value": "renamed@example.org"},
                {"op": "add", "path": "organizationRole", "value": "admin"},
                {"op": "add", "path": "modelsSeat", "value": "viewer"},
                {"op": "add", "path": "teamRoles", "value": [{"teamName": "acme-team"}]},
                {"op": "remove", "path": "emails"},
            ]
        ),
    )
    def patch_user(self, number, operation):
        row = self.pick(SCIMUser.objects.of(self.organization), number)
        body = {"Operations": [operation]}
        self.act(
            scim_users.change,
            actor=self.provider,
            row=row,
            by=lambda before: patch.apply(body, before, USER),
        )

    @rule(number=which)
    def delete_user(self, number):
        row = self.pick(SCIMUser.objects.of(self.organization), number)
        self.act(scim_users.delete, actor=self.provider, row=row)

    @rule(name=st.sampled_from(["Crew", "Acme-Team", "Ops"]), numbers=st.lists(which, max_size=3))
    def post_group(self, name, numbers):
        people = MemberChange("add", self.ids(numbers))
        self.act(scim_groups.create, actor=self.provider, display_name=name, people=people)

    @rule(
        number=which,
        kind=st.sampled_from(["add", "remove", "replace", "clear"]),
        numbers=st.lists(which, max_size=4),
    )
    def patch_group(self, number, kind, numbers):
        row = self.group(number)
        if row:
            change = MemberChange(kind, self.ids(numbers))
            self.act(scim_groups.change, actor=self.provider, row=row, people=[change])

    @rule(number=which, name=st.sampled_from(["Crew", "Ops", "Renamed"]))
    def rename_group(self, number, name):
        row = self.group(number)
        if row:
            self.act(
                scim_groups.change,
                actor=self.provider,
                row=row,
                by=lambda before: {**before, "displayName": name},
            )

    @rule(number=which)
    def delete_group(self, number):
        row = self.group(number)
        if row:
            self.act(scim_groups.delete, actor=self.provider, row=row)

    @rule(number=which, role=st.sampled_from(["admin", "member", "viewer", *ROLES]))
    def map_group(self, number, role):
        row = self.group(number)
        if row:
            given = self.given(role, "team")
            self.act(provisioning.map_group, actor=self.owner, group=row, **given)

    @rule(name=st.sampled_from(ROLES), scope=st.sampled_from(["organization", "team"]))
    def make_role(self, name, scope):
        self.act(
            roles.create, actor=self.owner, name=name, scope=scope, inherits="member", added=[]
        )

    @rule(
        number=which,
        changes=st.sampled_from([{"name": "Auditor"}, {"name": "Pilot"}, {"inherits": "viewer"}]),
    )
    def change_role(self, number, changes):
        row = self.pick(Role.objects.of(self.organization), number)
        if row:
            self.act(roles.update, actor=self.owner, role=row, changes=changes)

    @rule(number=which, name=st.sampled_from(["delete", "retire"]))
    def end_role(self, number, name):
        row = self.pick(Role.objects.of(self.organization), number)
        if row:
            self.act(getattr(roles, name), actor=self.owner, role=row)

    @rule(number=which, role=st.sampled_from(["admin", "member", *ROLES]))
    def give_role(self, number, role):
        row = self.pick(Membership.objects.of(self.organization).active(), number)
        given = self.given(role, "organization")
        self.act(members.change_role, actor=self.owner, member=row, **given)

    @rule(number=which, seat=st.sampled_from(["full", "viewer", "none"]))
    def give_seat(self, number, seat):
        row = self.pick(Membership.objects.of(self.organization).active(), number)
        self.act(members.change_seat, actor=self.owner, member=row, seat=seat)

    @rule(number=which, person=which, role=st.sampled_from(["admin", "viewer", *ROLES]))
    def place(self, number, person, role):
        team = self.pick(Team.objects.of(self.organization).select_related("organization"), number)
        row = self.pick(Membership.objects.of(self.organization).active(), person)
        if team and row:
            inside = TeamMembership.objects.of(self.organization).filter(team=team, membership=row)
            act = teams.change_member_role if inside.exists() else teams.add_member
            self.act(act, actor=self.owner, team=team, member=row, **self.given(role, "team"))

    @rule(number=which, person=which)
    def displace(self, number, person):
        team = self.pick(Team.objects.of(self.organization).select_related("organization"), number)
        row = self.pick(Membership.objects.of(self.organization).active(), person)
        if team and row:
            self.act(teams.remove_member, actor=self.owner, team=team, member=row)

    @rule(
        name=address,
        role=st.sampled_from(["admin", "member", *ROLES]),
        seat=st.sampled_from(["full", "viewer"]),
        number=which,
    )
    def invite(self, name, role, seat, number):
        team = self.pick(Team.objects.of(self.organization).select_related("organization"), number)
        self.act(
            invitations.create_many,
            actor=self.owner,
            addresses=[name],
            seat=seat,
            teams=[(team, "member")] if team else [],
            **self.given(role, "organization"),
        )

    @rule(number=which)
    def rename_account(self, number):
        row = self.pick(Membership.objects.of(self.organization).active(), number)
        try:
            with transaction.atomic():
                users.rename(
                    actor=as_user(row.user), user=row.user, username=f"renamed-{number % 3}"
                )
        except DomainError:
            pass

    @rule(number=which, name=st.sampled_from(["deactivate", "reactivate", "remove"]))
    def act_in_the_console(self, number, name):
        row = self.pick(Membership.objects.of(self.organization), number)
        self.act(getattr(members, name), actor=self.owner, member=row)

    @rule(number=which)
    def leave(self, number):
        row = self.pick(Membership.objects.of(self.organization).active(), number)
        self.act(members.remove, actor=as_user(row.user), member=row)

    @rule(number=which)
    def accept(self, number):
        invitation = self.pick(Invitation.objects.of(self.organization).open(), number)
        user = invitation and User.objects.filter(email=invitation.email).first()
        if user:
            token = invitations.link(invitation).rpartition("/")[2]
            try:
                with transaction.atomic():
                    invitations.accept(
                        actor=as_user(user), token=token, user=user, addresses=[user.email]
                    )
            except DomainError:
                pass

    @rule(number=which)
    def withdraw(self, number):
        invitation = self.pick(Invitation.objects.of(self.organization).open(), number)
        if invitation:
            self.act(invitations.revoke, actor=self.owner, invitation=invitation)

    @rule(number=which)
    def rename_person(self, number):
        row = self.pick(Membership.objects.of(self.organization).active(), number)
        users.update_profile(actor=as_user(row.user), user=row.user, display_name="New name")

    @rule(number=which)
    def delete_person(self, number):
        row = self.pick(Membership.objects.of(self.organization).active(), number)
        try:
            with transaction.atomic():
                accounts.delete(
                    actor=as_user(row.user), user=row.user, confirmation=row.user.username
                )
        except DomainError:
            pass

    @rule(number=which, name=st.sampled_from(["delete", "rename", "project"]))
    def act_on_a_team(self, number, name):
        team = self.pick(Team.objects.of(self.organization).select_related("organization"), number)
        if team is None:
            return
        if name == "project":
            self.act(projects.create, actor=self.owner, team=team, name="work")
        elif name == "rename":
            changes = {"display_name": f"Team {number % 3}"}
            self.act(teams.update, actor=self.owner, team=team, changes=changes)
        else:
            self.act(teams.delete, actor=self.owner, team=team, confirmation=team.name)

    @rule(number=which)
    def delete_a_machine(self, number):
        row = self.pick(ServiceAccount.objects.of(self.organization), number)
        if row:
            self.act(api_keys.create, actor=self.owner, owner=row, name="key")
            self.act(service_accounts.delete, actor=self.owner, account=row)

    def given(self, name, scope):
        """Return a role as actions take it: built in, or custom if there is one of the name."""
        rows = Role.objects.of(self.organization).filter(name=name, scope=scope)
        custom = rows.first() if name in ROLES else None
        return {"role": "member" if name in ROLES else name, "custom_role": custom}

    def group(self, number):
        rows = SCIMGroup.objects.of(self.organization).select_related("team__organization")
        return self.pick(rows, number)

    def ids(self, numbers):
        rows = list(SCIMUser.objects.of(self.organization).order_by("-pk")[:12])
        return tuple({rows[number % len(rows)].wire_id for number in numbers})

    @invariant()
    def the_house_is_true(self):
        assert broken_rules() == []

    @invariant()
    def texts_are_as_if_written_now(self):
        assert list(texts_tell_what_the_rows_do()) == []
        directory = Directory.objects.of(self.organization).get()
        users_ = SCIMUser.objects.of(self.organization)
        written.read_these(directory, list(users_.values_list("pk", flat=True)))
        written.made.flush()
        assert not users_.filter(text__text="").exists()

    @invariant()
    def teams_count_whoever_is_in(self):
        for team in Team.objects.of(self.organization):
            places = TeamMembership.objects.of(self.organization).filter(team=team)
            assert team.member_count == places.count()


@pytest.mark.django_db
def test_any_sequence_of_provisioning_keeps_the_house_true():
    run_state_machine_as_test(
        Provisioning,
        settings=examples(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if EXAMPLES >= 100:
        assert not {
            f"{room}.{act}"
            for room in ("scim_users", "scim_groups")
            for act in ("create", "change", "delete")
        } - DONE.keys()
