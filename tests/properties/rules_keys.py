"""Rules of requests for more and of API keys."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from identity.actions import api_keys
from identity.errors import KeyEnded, KeyRefused
from identity.queries import recognise
from kernel.errors import Conflict, Denied, Invalid, Missing
from kernel.principal import Origin
from orgs.actions import access_requests
from orgs.errors import (
    AlreadyDecided,
    PolicyForbids,
)
from orgs.permissions import P
from tests.properties.rules_access import Access
from tests.properties.rules_people import CLOSED
from tests.properties.rules_teams import EITHER
from tests.properties.stage import (
    ACTORS,
    keys,
    lent,
    machines,
    organizations,
    teams,
    users,
    wishes,
)
from tests.properties.things import Actor, Key, Machine, Member, Request, User

HERE = Origin(ip="192.0.2.7")


class Keys(Access):
    """Who asks for more, and who holds which key."""

    # --- requests -----------------------------------------------------------------------

    @rule(
        target=wishes,
        org=organizations,
        n=ACTORS,
        kind=st.sampled_from(["team", "role", "access", "seat"]),
        team=st.none() | teams,
        role=st.sampled_from(["member", "admin", "viewer"]),
        seat=st.sampled_from(["full", "viewer"]),
        hours=st.sampled_from([None, 5]),
    )
    def ask(self, org, n, kind, team, role, seat, hours):
        actor, row = self.actor(n, org), self.fresh(org)
        hours = hours if kind == "access" else None
        seat = seat if kind == "seat" else ""
        role = "" if kind == "seat" else role
        mine = None if actor.is_operator else self.world.membership(actor, org)
        refusals = self.gone(org) or ([] if isinstance(mine, Member) else [Missing])
        refusals = refusals or self.world.need(actor, P.ORGANIZATION_READ, org, self.now)
        if team is not None:
            is_seen = team.org is org and team.is_there
            if is_seen and isinstance(mine, Member):
                is_seen = not self.world.need(actor, P.TEAM_READ, team, self.now)
            refusals = refusals or ([] if is_seen else [Missing])
        if (kind == "team" and team is None) or (kind == "role" and team is not None):
            refusals = refusals or [Invalid]
        wish = (kind, team, role, seat)
        pending = [
            (r.kind, r.team, r.role, r.seat)
            for r in org.requests
            if r.member is mine and r.state == "pending"
        ]
        refusals = refusals or ([Conflict] if wish in pending else [])
        made = self.act(
            "access_requests.ask",
            refusals,
            lambda: access_requests.ask(
                actor=self.principal(actor),
                organization=row,
                kind=kind,
                reason="x",
                role=role,
                seat=seat,
                wanted_hours=hours,
                team=team and self.again(team, "organization"),
            ),
            inside=org,
        )
        if made is None:
            return multiple()
        request = Request(mine, made, kind, team, role, seat, hours)
        org.requests.append(request)
        return request

    def _deciding(self, actor, request):
        org = request.member.org
        refusals = self.gone(org) or self.gone(request)
        refusals = refusals or self.world.need(
            actor, P.REQUEST_DECIDE, request.team or org, self.now
        )
        return refusals or ([] if request.state == "pending" else [AlreadyDecided])

    @rule(target=lent, request=wishes, n=ACTORS, hours=st.sampled_from([None, None, 3]))
    def approve(self, request, n, hours):
        member, org, row = request.member, request.member.org, self.fresh(request.member.org)
        actor = self.actor(n, org)
        refusals = self._deciding(actor, request)
        is_grant = request.kind == "access" or hours is not None
        if request.kind == "seat":
            refusals = refusals or ([Invalid] if hours is not None else [])
            refusals = refusals or self.against_seat(actor, member, request.seat)
        elif is_grant:
            refusals = refusals or self.against_grant(
                actor, org, member, request.team, request.role, None
            )
        elif request.team is not None:
            refusals = refusals or self.against_adding(
                actor, request.team, member, request.role, None
            )
        else:
            refusals = refusals or self.against_role(actor, member, request.role, None)
        given = self._swapped(member, request.seat) if request.kind == "seat" else None
        done = self.act(
            "access_requests.approve",
            refusals,
            lambda: access_requests.approve(
                actor=self.principal(actor), organization=row, request=request.row, hours=hours
            ),
            inside=org,
        )
        if done is None:
            return multiple()
        request.state = "approved"
        if request.kind == "seat":
            member.seat = given
        elif is_grant:
            made = member.row.grants.order_by("-pk").first()
            length = hours or request.hours or 24
            until = self.now + dt.timedelta(hours=length)
            return self._lent(org, made, member, request.team, request.role, None, until)
        elif request.team is not None:
            request.team.places[member] = (request.role, None)
        else:
            self.has_role(member, request.role, None)
        return multiple()

    @rule(request=wishes, n=ACTORS)
    def decline(self, request, n):
        org, row = request.member.org, self.fresh(request.member.org)
        actor = self.actor(n, org)
        refusals = self._deciding(actor, request)
        if self.act(
            "access_requests.decline",
            refusals,
            lambda: access_requests.decline(
                actor=self.principal(actor), organization=row, request=request.row
            ),
            inside=org,
        ):
            request.state = "declined"

    @rule(request=wishes, n=ACTORS)
    def withdraw(self, request, n):
        org, row = request.member.org, self.fresh(request.member.org)
        actor = Actor(request.member.user) if n < 9 else self.actor(n, org)
        refusals = self.gone(org) or self.world.need(actor, P.ORGANIZATION_READ, org, self.now)
        refusals = refusals or self.gone(request)
        refusals = refusals or ([] if actor.who is request.member.user else [Missing])
        refusals = refusals or ([] if request.state == "pending" else [AlreadyDecided])
        if self.act(
            "access_requests.withdraw",
            refusals,
            lambda: access_requests.withdraw(
                actor=self.principal(actor), organization=row, request=request.row
            ),
            inside=org,
        ):
            request.state = "withdrawn"

    # --- keys ---------------------------------------------------------------------------

    def _over_owner(self, actor, org, owner):
        """Return what keeps an actor from somebody's keys."""
        if actor.is_operator:
            return []
        if isinstance(owner, User) and actor.who is owner:
            if org is not None:
                return self.world.need(actor, P.ORGANIZATION_READ, org, self.now)
            return []
        if org is None:
            return [Missing]
        if isinstance(owner, Machine):
            refusals = self.world.need(actor, P.SERVICE_ACCOUNT_MANAGE, owner, self.now)
            # Walled into the organization nobody sees where else the actor belongs.
            return list(EITHER) if refusals and owner.org is not org else refusals
        return self.world.need(actor, P.API_KEY_MANAGE, org, self.now)

    def _as_much_as(self, actor, owner):
        """Return what keeps an actor from being handed a key of somebody's."""
        if isinstance(owner, User):
            return [] if actor.is_operator or actor.who is owner else [Denied]
        place, scope = owner.team or owner.org, "team" if owner.team else "organization"
        held = self.world.permissions(owner.role, owner.custom, scope)
        refusals = self.world.must_hold(actor, held, place, self.now)
        for grant in self.world.live_grants(owner, self.now):
            scope = "team" if grant.team else "organization"
            held = self.world.permissions(grant.role, grant.custom, scope)
            refusals = refusals or self.world.must_hold(
                actor, held, grant.team or owner.org, self.now
            )
        mine = None if actor.is_operator else self.world.membership(actor, owner.org)
        for project in owner.org.projects:
            if owner in project.named and not actor.is_operator:
                theirs = self.world.permissions(project.named[owner], None, "team")
                own = project.named.get(mine)
                is_like = own and theirs <= self.world.permissions(own, None, "team")
                refusals = refusals or ([] if is_like else [Denied])
        return refusals

    @rule(
        target=keys,
        org=st.none() | organizations,
        owner=users | machines,
        n=ACTORS,
        days=st.sampled_from([None, 1, 30]),
    )
    def make_key(self, org, owner, n, days):
        is_user = isinstance(owner, User)
        if (is_user and not owner.is_there) or (org is None and not is_user):
            return multiple()
        actor = Actor(owner) if is_user and n < 7 else self.actor(n, org)
        row = self.fresh(org) if org else None
        refusals = (self.gone(org) if org else []) or (list(EITHER) if not owner.is_there else [])
        refusals = refusals or self._over_owner(actor, org, owner)
        if org is not None:
            refusals = refusals or (list(CLOSED) if org.is_closed else [])
            refusals = refusals or self._by_policy(actor, org, owner)
        refusals = refusals or self._as_much_as(actor, owner)
        until = None if days is None else self.now + dt.timedelta(days=days)
        subject = owner.row if is_user else self.again(owner, "organization", "team", "custom_role")
        issued = self.act(
            "api_keys.create",
            refusals,
            lambda: api_keys.create(
                actor=self.principal(actor),
                organization=row,
                owner=subject,
                name="k",
                expires_at=until,
            ),
            inside=org,
        )
        if issued is None:
            return multiple()
        return self._noted(org, issued, owner, until)

    def _noted(self, org, issued, owner, until):
        key = Key(org, issued.key, owner, issued.secret, until)
        self.world.keys.append(key)
        return key

    def _by_policy(self, actor, org, owner):
        if isinstance(owner, Machine):
            refusals = self.foreign(org, owner)
            return refusals or ([PolicyForbids] if owner.is_disabled else [])
        if not actor.is_operator and actor.who is not owner:
            return [Denied]
        if not org.policies["allows_api_key_creation"]:
            return [PolicyForbids]
        member = org.members.get(owner)
        return [] if member is not None and member.is_active else [Denied]

    def _over_key(self, actor, key, *, ended_is_fine=False):
        refusals = (self.gone(key.org) if key.org else []) or self.gone(key)
        refusals = refusals or self._over_owner(actor, key.org, key.owner)
        is_fine = ended_is_fine or key.is_live(self.now)
        return refusals or ([] if is_fine else [KeyEnded])

    def _actor_of_key(self, key, n):
        is_user = isinstance(key.owner, User)
        actor = Actor(key.owner) if is_user and n < 7 else self.actor(n, key.org)
        return actor, self.fresh(key.org) if key.org else None

    @rule(target=keys, key=keys, n=ACTORS, overlap=st.sampled_from([0, 3600, 90_000]))
    def rotate_key(self, key, n, overlap):
        actor, row = self._actor_of_key(key, n)
        refusals = self._over_key(actor, key) or self._as_much_as(actor, key.owner)
        refusals = refusals or ([KeyEnded] if key.ends_at is not None else [])
        issued = self.act(
            "api_keys.rotate",
            refusals,
            lambda: api_keys.rotate(
                actor=self.principal(actor), organization=row, key=key.row, overlap_seconds=overlap
            ),
            inside=key.org,
        )
        if issued is None:
            return multiple()
        self._ends(key, overlap)
        return self._noted(key.org, issued, key.owner, issued.key.expires_at)

    def _ends(self, key, seconds):
        end = self.now + dt.timedelta(seconds=seconds)
        key.ends_at = min(end, key.expires_at) if key.expires_at else end

    @rule(key=keys, n=ACTORS, overlap=st.sampled_from([0, 7200]))
    def change_overlap(self, key, n, overlap):
        actor, row = self._actor_of_key(key, n)
        refusals = self._over_key(actor, key) or ([] if key.ends_at is not None else [KeyEnded])
        if self.act(
            "api_keys.change_overlap",
            refusals,
            lambda: api_keys.change_overlap(
                actor=self.principal(actor), organization=row, key=key.row, overlap_seconds=overlap
            ),
            inside=key.org,
        ):
            self._ends(key, overlap)

    @rule(key=keys, n=ACTORS)
    def revoke_key(self, key, n):
        actor, row = self._actor_of_key(key, n)
        refusals = self._over_key(actor, key, ended_is_fine=True)
        if self.act(
            "api_keys.revoke",
            refusals,
            lambda: api_keys.revoke(actor=self.principal(actor), organization=row, key=key.row),
            inside=key.org,
        ):
            key.is_revoked = True

    @rule(key=keys, n=ACTORS, days=st.sampled_from([None, 2]))
    def update_key(self, key, n, days):
        actor, row = self._actor_of_key(key, n)
        until = None if days is None else self.now + dt.timedelta(days=days)
        if self.act(
            "api_keys.update",
            self._over_key(actor, key),
            lambda: api_keys.update(
                actor=self.principal(actor),
                organization=row,
                key=key.row,
                changes={"expires_at": until},
            ),
            inside=key.org,
        ):
            key.expires_at = until

    @rule(key=keys)
    def use_key(self, key):
        """A key works as long as it lives and its owner may work there: no longer."""
        owner, org = key.owner, key.org
        works = key.is_live(self.now) and owner.is_there
        if org is not None:
            works = works and org.purge_at is None
            if isinstance(owner, User):
                works = works and owner in org.members and org.members[owner].is_active
        if isinstance(owner, Machine):
            works = works and not owner.is_disabled
        refusals = [] if works else [KeyRefused]
        self.act("queries.recognise", refusals, lambda: recognise(key.secret, HERE))

    @rule(org=organizations, user=users)
    def attribute_work(self, org, user):
        member = org.members.get(user)
        is_active = member is not None and member.is_active and org.is_there
        self.act(
            "api_keys.member_named",
            [] if is_active else [Invalid],
            lambda: api_keys.member_named(org.row, user.username),
        )
