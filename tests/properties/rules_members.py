"""Rules of members, their seats and roles, and of time."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from identity.actions.bootstrap import bootstrap
from identity.queries import recognise
from kernel.principal import Origin
from orgs.actions import members
from orgs.actions import users as user_actions
from orgs.errors import (
    AlreadyMember,
    LastOwner,
    NotActive,
    SeatLimitReached,
)
from orgs.permissions import P
from tests.properties.rules_people import CLOSED, People
from tests.properties.stage import (
    ACTORS,
    ORGANIZATION_ROLE,
    SEAT,
    custom_roles,
    memberships,
    organizations,
    users,
)
from tests.properties.things import Actor, Key, User


class Members(People):
    """Rules of members, their seats and roles, and of time."""

    # --- members ------------------------------------------------------------------------

    @rule(
        target=memberships,
        org=organizations,
        user=users,
        n=ACTORS,
        role=ORGANIZATION_ROLE,
        custom=st.none() | custom_roles,
        seat=SEAT,
    )
    def provision(self, org, user, n, role, custom, seat):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.gone(org) or self.world.need(actor, P.MEMBER_INVITE, org, self.now)
        refusals = refusals or self.world.giving(actor, org, role, custom, self.now, owner=True)
        refusals = refusals or self._joining(org, user, seat)
        made = self.act(
            "members.provision",
            refusals,
            lambda: members.provision(
                actor=self.principal(actor),
                organization=row,
                user=user.row,
                role=role,
                custom_role=custom and custom.row,
                seat=seat,
            ),
            inside=org,
        )
        if made is None:
            return multiple()
        given = org.seat_given(seat)
        role = custom.inherits if custom else role
        return self.member_of_row(org, user, made, given, role=role, custom=custom)

    def _joining(self, org, user, seat):
        """Return what keeps somebody from becoming a member."""
        refusals = list(CLOSED) if org.is_closed else self.gone(user)
        known = org.members.get(user)
        if not refusals and known is not None and known.status != "removed":
            refusals = [AlreadyMember]
        if not refusals and org.seat_given(seat) is None:
            refusals = [SeatLimitReached]
        return refusals

    def _over(self, actor, member):
        """Return what keeps an actor from touching an owner."""
        if member.role != "owner":
            return []
        return self.world.need(actor, P.OWNER_MANAGE, member.org, self.now)

    @rule(member=memberships, n=ACTORS, role=ORGANIZATION_ROLE, custom=st.none() | custom_roles)
    def change_role(self, member, n, role, custom):
        org, row = member.org, self.fresh(member.org)
        actor = self.actor(n, org)
        refusals = self.against_role(actor, member, role, custom)
        if self.act(
            "members.change_role",
            refusals,
            lambda: members.change_role(
                actor=self.principal(actor),
                organization=row,
                member=member.row,
                role=role,
                custom_role=custom and custom.row,
            ),
            inside=org,
        ):
            self.has_role(member, role, custom)

    def against_role(self, actor, member, role, custom):
        """Return what keeps an actor from giving a member another role."""
        org = member.org
        base = custom.inherits if custom else role
        refusals = self.gone(org) or self.world.need(actor, P.MEMBER_UPDATE, org, self.now)
        refusals = refusals or self.gone(member)
        refusals = refusals or self.world.giving(actor, org, role, custom, self.now, owner=True)
        refusals = refusals or self._over(actor, member)
        refusals = refusals or ([NotActive] if member.status == "removed" else [])
        if org.owners() == [member] and base != "owner":
            refusals = refusals or [LastOwner]
        return refusals

    def has_role(self, member, role, custom):
        """Give a member another role; who holds less loses the invitations made."""
        base = custom.inherits if custom else role
        held = self.world.permissions(member.role, member.custom, "organization")
        member.role, member.custom = base, custom
        if not held <= self.world.permissions(base, custom, "organization"):
            self.world.revoke_invitations(member.org, member.user)

    @rule(member=memberships, n=ACTORS, seat=SEAT)
    def change_seat(self, member, n, seat):
        org, row = member.org, self.fresh(member.org)
        actor = self.actor(n, org)
        refusals, given = self.against_seat(actor, member, seat), self._swapped(member, seat)
        if self.act(
            "members.change_seat",
            refusals,
            lambda: members.change_seat(
                actor=self.principal(actor), organization=row, member=member.row, seat=seat
            ),
            inside=org,
        ):
            member.seat = given

    def against_seat(self, actor, member, seat):
        """Return what keeps an actor from giving a member another seat."""
        org = member.org
        refusals = self.gone(org) or self.world.need(actor, P.MEMBER_UPDATE, org, self.now)
        refusals = refusals or self.gone(member)
        refusals = refusals or ([NotActive] if member.status == "removed" else [])
        return refusals or ([SeatLimitReached] if self._swapped(member, seat) is None else [])

    def _swapped(self, member, seat):
        if member.seat == seat or not member.is_active:
            return seat
        given = member.org.seat_given(seat)
        return None if given == member.seat else given

    @rule(member=memberships, n=ACTORS)
    def deactivate(self, member, n):
        org, row = member.org, self.fresh(member.org)
        actor = self.actor(n, org)
        refusals = self.gone(org) or self.world.need(actor, P.MEMBER_UPDATE, org, self.now)
        refusals = refusals or self.gone(member)
        if not refusals and member.status != "deactivated":
            refusals = [] if member.is_active else [NotActive]
            refusals = refusals or self._over(actor, member)
            refusals = refusals or ([LastOwner] if org.owners() == [member] else [])
        if (
            self.act(
                "members.deactivate",
                refusals,
                lambda: members.deactivate(
                    actor=self.principal(actor), organization=row, member=member.row
                ),
                inside=org,
            )
            and member.is_active
        ):
            self.world.end_membership(member, "deactivated", self.now, leaves=False)

    @rule(member=memberships, n=ACTORS)
    def reactivate(self, member, n):
        org, row = member.org, self.fresh(member.org)
        actor = self.actor(n, org)
        refusals = self.gone(org) or self.world.need(actor, P.MEMBER_UPDATE, org, self.now)
        refusals = refusals or self.gone(member)
        if not refusals and not member.is_active:
            refusals = [NotActive] if member.status == "removed" else []
            refusals = refusals or (list(CLOSED) if org.is_closed else [])
            refusals = refusals or self._over(actor, member)
            refusals = refusals or ([] if org.seat_given(member.seat) else [SeatLimitReached])
        given = org.seat_given(member.seat)
        if (
            self.act(
                "members.reactivate",
                refusals,
                lambda: members.reactivate(
                    actor=self.principal(actor), organization=row, member=member.row
                ),
                inside=org,
            )
            and not member.is_active
        ):
            member.status, member.seat = "active", given

    @rule(member=memberships, n=ACTORS)
    def remove(self, member, n):
        org, row = member.org, self.fresh(member.org)
        actor = Actor(member.user) if n == 11 else self.actor(n, org)
        leaves = actor.who is member.user
        permission = P.ORGANIZATION_READ if leaves else P.MEMBER_REMOVE
        refusals = self.gone(org) or self.world.need(actor, permission, org, self.now)
        refusals = refusals or self.gone(member)
        if not refusals and member.status != "removed":
            refusals = [] if leaves else self._over(actor, member)
            refusals = refusals or ([LastOwner] if org.owners() == [member] else [])
        if (
            self.act(
                "members.remove",
                refusals,
                lambda: members.remove(
                    actor=self.principal(actor), organization=row, member=member.row
                ),
                inside=org,
            )
            and member.status != "removed"
        ):
            self.world.end_membership(member, "removed", self.now, leaves=leaves)

    @rule(span=st.sampled_from([67, 1511, 11_533, 22_897, 131_113]))
    def time_passes(self, span):
        self.pass_time(dt.timedelta(minutes=span))

    @rule(target=organizations, number=st.integers(1, 2))
    def bootstrap_an_instance(self, number):
        """The operator's one command; its owner is a new person or the address's owner."""
        email = f"boss-{number}@example.com"
        made_before = {user.row.pk: user for user in self.world.users}
        known = {org.row.pk for org in self.world.orgs}
        if len(self.world.orgs) >= 4:
            return multiple()
        slug = f"founded-{number}"
        owner = next((u for u in self.world.users if email in u.proved), None)
        held = [
            org
            for org in self.world.orgs
            if owner in org.members
            and org.members[owner].is_active
            and org.members[owner].role == "owner"
            and org.name == slug.title()
        ]
        if held or slug in self.world.slugs or (owner and owner not in self.world.users):
            return multiple()
        made = self.act(
            "bootstrap.bootstrap",
            [],
            lambda: bootstrap(organization_name=slug.title(), owner_email=email),
        )
        user = made_before.get(made.owner.pk)
        if user is None:
            user = User(made.owner, made.owner.username, made.owner.email)
            self.world.users.append(user)
            self.claim(user.username, user)
        user.proved.add(email)
        assert made.organization.pk not in known
        org = self._founded(made.organization, slug, user)
        self.note_key(org, user, made.api_key)
        return org

    def note_key(self, org, owner, secret):
        """Note a key that was made elsewhere than by its own rule."""
        row = recognise(secret, Origin(ip="192.0.2.7")).key
        self.world.keys.append(Key(org, row, owner, secret, None))

    @rule(email=st.sampled_from(["alpha@x.org", "New.One@x.org", "@"]))
    def suggest_a_name(self, email):
        name = self.act("users.suggest_username", [], lambda: user_actions.suggest_username(email))
        assert self.world.is_name_free(name, self.now)
