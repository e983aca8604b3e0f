"""Rules of grants, invitations, requests for more, and API keys; and the whole machine."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from identity.actions import api_keys
from identity.errors import KeyEnded, KeyRefused
from identity.queries import recognise
from kernel.errors import Conflict, Denied, Invalid, Missing
from kernel.principal import Origin
from orgs.actions import access_requests, grants, invitations
from orgs.errors import (
    AlreadyDecided,
    InvitationEnded,
    NotActive,
    PolicyForbids,
    WrongAccount,
)
from orgs.permissions import P
from tests.properties.model import Actor, Grant, Invitation, Key, Machine, Member, Request, User
from tests.properties.rules_people import CLOSED
from tests.properties.rules_teams import EITHER, Teams
from tests.properties.stage import (
    ACTORS,
    JOB,
    ORGANIZATION_ROLE,
    SEAT,
    TEAM_ROLE,
    custom_roles,
    invited,
    keys,
    lent,
    machines,
    memberships,
    organizations,
    teams,
    users,
    wishes,
)

HERE = Origin(ip="192.0.2.7")
ANY_ROLE = st.sampled_from(["member", "admin", "viewer", "billing_admin", "owner"])
DAYS = st.sampled_from([1, 10, 80])


class Domain(Teams):
    """The whole domain."""

    # --- grants -------------------------------------------------------------------------

    @rule(
        target=lent,
        org=organizations,
        holder=memberships | machines,
        team=st.none() | teams,
        n=ACTORS,
        role=ANY_ROLE,
        custom=st.none() | custom_roles,
        days=DAYS,
    )
    def give_access(self, org, holder, team, n, role, custom, days):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.against_grant(actor, org, holder, team, role, custom)
        until = self.now + dt.timedelta(days=days)
        made = self.act("grants.give", refusals, lambda: grants.give(
            actor=self.principal(actor), organization=row, holder=holder.row, role=role,
            until=until, reason="x", custom_role=custom and custom.row,
            team=team and self.again(team, "organization")), inside=org)  # fmt: skip
        if made is None:
            return multiple()
        base = custom.inherits if custom else role
        return self._lent(org, made, holder, team, base, custom, until)

    def _lent(self, org, row, holder, team, role, custom, until):
        grant = Grant(org, row, holder, team, role, custom, until)
        org.grants.append(grant)
        return grant

    def against_grant(self, actor, org, holder, team, role, custom):
        """Return what keeps an actor from giving access for a time."""
        refusals = self.gone(org)
        if team is not None and (team.org is not org or not team.is_there):
            refusals = refusals or list(EITHER)
        refusals = refusals or self.world.need(actor, P.GRANT_MANAGE, team or org, self.now)
        refusals = refusals or self.foreign(org, holder) or self.gone(holder)
        if isinstance(holder, Member):
            refusals = refusals or ([] if holder.is_active else [NotActive])
        elif holder.team is not None and holder.team is not team:
            refusals = refusals or [Conflict]
        return refusals or self.world.giving(actor, team or org, role, custom, self.now)

    @rule(grant=lent, n=ACTORS)
    def end_access(self, grant, n):
        org, row = grant.org, self.fresh(grant.org)
        is_member = isinstance(grant.holder, Member)
        actor = Actor(grant.holder.user) if n > 9 and is_member else self.actor(n, org)
        is_own = is_member and actor.who is grant.holder.user
        refusals = self.gone(org) or self.gone(grant)
        refusals = refusals or (
            self.world.need(actor, P.ORGANIZATION_READ, org, self.now)
            if is_own
            else self.world.need(actor, P.GRANT_MANAGE, grant.team or org, self.now)
        )
        if self.act("grants.end", refusals, lambda: grants.end(
            actor=self.principal(actor), organization=row, grant=grant.row), inside=org):  # fmt: skip
            grant.has_ended = True

    @rule()
    def note_what_lapsed(self):
        self.act("grants.note_lapsed", [], lambda: grants.note_lapsed(JOB))
        self.act("invitations.note_lapsed", [], lambda: invitations.note_lapsed(JOB))
        self.act("api_keys.note_ended", [], lambda: api_keys.note_ended(JOB))

    # --- invitations --------------------------------------------------------------------

    def _may_invite(self, actor, org, offered):
        wide = self.world.need(actor, P.MEMBER_INVITE, org, self.now)
        if offered and wide:
            for team in offered:
                refusals = self.world.need(actor, P.MEMBER_INVITE, team, self.now)
                if refusals:
                    return refusals
            return []
        return wide

    def _verdict(self, actor, org, email):
        """Return the verdict on an address, and the open invitation that it has."""
        inside = any(m.user.email == email for m in org.members.values() if m.status != "removed")
        before = next((i for i in org.invitations if i.email == email and i.state == "open"), None)
        if inside:
            return "already_member", None
        if before is None:
            return "invited", None
        sees_all = not self.world.need(actor, P.MEMBER_INVITE, org, self.now)
        if sees_all or (before.by is actor.who and actor.who is not None):
            return "resent", before
        return "already_invited", None

    @rule(
        target=invited,
        org=organizations,
        user=users,
        team=st.none() | teams,
        n=ACTORS,
        role=ORGANIZATION_ROLE,
        custom=st.none() | custom_roles,
        seat=SEAT,
        team_role=TEAM_ROLE,
    )
    def invite(self, org, user, team, n, role, custom, seat, team_role):
        actor, row = self.actor(n, org), self.fresh(org)
        offered = {} if team is None else {team: team_role}
        refusals = self.gone(org)
        if team is not None and (team.org is not org or not team.is_there):
            refusals = refusals or list(EITHER)
        refusals = refusals or self._may_invite(actor, org, offered)
        places = [(self.again(place, "organization"), held) for place, held in offered.items()]
        if n % 3 == 0 and org.is_there and (team is None or not self.at(team)):
            seen = self.act("invitations.preview", refusals, lambda: invitations.preview(
                actor=self.principal(actor), organization=row, addresses=[user.email],
                teams=places), inside=org)  # fmt: skip
            if seen is not None:
                assert seen[0].verdict == self._verdict(actor, org, user.email)[0]
        refusals = refusals or self.world.giving(actor, org, role, custom, self.now, owner=True)
        if team is not None:
            refusals = refusals or self.world.giving(actor, team, team_role, None, self.now)
        outcome = self.act("invitations.create_many", refusals, lambda: invitations.create_many(
            actor=self.principal(actor), organization=row, addresses=[user.email], role=role,
            custom_role=custom and custom.row, seat=seat, teams=places), inside=org)  # fmt: skip
        if outcome is None:
            return multiple()
        verdict, before = self._verdict(actor, org, user.email)
        assert [made.verdict for made in outcome] == [verdict]
        if verdict not in ("invited", "resent"):
            return multiple()
        if before is None:
            before = Invitation(org, outcome[0].invitation, user.email, role, custom, seat,
                                offered, None, self.now)  # fmt: skip
            org.invitations.append(before)
        before.role, before.custom = custom.inherits if custom else role, custom
        before.seat, before.teams = seat, offered
        self._renewed(before, actor, outcome[0].invitation)
        return before

    def _renewed(self, invitation, actor, row):
        invitation.row, invitation.by = row, actor.who
        invitation.expires_at = self.now + invitations.LIFE

    def _over_invitation(self, actor, invitation):
        if actor.who is not None and invitation.by is actor.who:
            return self._may_invite(actor, invitation.org, invitation.teams)
        return self.world.need(actor, P.MEMBER_INVITE, invitation.org, self.now)

    @rule(invitation=invited, n=ACTORS)
    def resend(self, invitation, n):
        org, row, actor = invitation.org, self.fresh(invitation.org), self.actor(n, invitation.org)
        refusals = self.gone(org) or ([] if invitation.state == "open" else [InvitationEnded])
        refusals = refusals or self._over_invitation(actor, invitation)
        refusals = refusals or self.world.giving(
            actor, org, invitation.role, invitation.custom, self.now, owner=True
        )
        for team, role in invitation.teams.items():
            refusals = refusals or self.world.giving(actor, team, role, None, self.now)
        made = self.act("invitations.resend", refusals, lambda: invitations.resend(
            actor=self.principal(actor), organization=row, invitation=invitation.row), inside=org)  # fmt: skip
        if made is not None:
            self._renewed(invitation, actor, made)

    @rule(invitation=invited, n=ACTORS)
    def revoke_invitation(self, invitation, n):
        org, row, actor = invitation.org, self.fresh(invitation.org), self.actor(n, invitation.org)
        refusals = self.gone(org) or ([InvitationEnded] if invitation.state == "accepted" else [])
        refusals = refusals or self._over_invitation(actor, invitation)
        if self.act("invitations.revoke", refusals, lambda: invitations.revoke(
            actor=self.principal(actor), organization=row, invitation=invitation.row), inside=org):  # fmt: skip
            invitation.state = "revoked"

    @rule(
        target=memberships,
        invitation=invited,
        user=st.none() | users,
        knows_mail=st.sampled_from([True, True, True, False]),
        n=ACTORS,
    )
    def accept(self, invitation, user, knows_mail, n):
        org = invitation.org
        addressee = next((u for u in self.world.users if u.email == invitation.email), None)
        user = addressee if user is None or n < 6 else user
        if user is None or not user.is_there:
            return multiple()
        actor = Actor(user) if n < 10 else self.actor(n, None)
        token = invitations.link(invitation.row).rpartition("/")[2]
        proof = invitations.mailed_link(invitation.row).partition("proof=")[2]
        assert invitations.proves_mailbox(invitation.row, proof)
        is_live = invitation.state == "open" and invitation.expires_at > self.now
        found = self.gone(invitation) or ([] if is_live else [InvitationEnded])
        self.act("invitations.find", found, lambda: invitations.find(token))
        refusals = self.world.oneself(actor, user) or found
        refusals = refusals or ([InvitationEnded] if org.purge_at is not None else [])
        proved = [user.email] if knows_mail else []
        refusals = refusals or ([] if invitation.email in proved else [WrongAccount])
        refusals = refusals or self._joining(org, user, invitation.seat)
        made = self.act("invitations.accept", refusals, lambda: invitations.accept(
            actor=self.principal(actor), token=token, user=user.row, addresses=proved))  # fmt: skip
        if made is None:
            return multiple()
        given = org.seat_given(invitation.seat)
        member = self.member_of_row(
            org, user, made, given, role=invitation.role, custom=invitation.custom
        )
        for team, role in invitation.teams.items():
            team.places[member] = (role, None)
        invitation.state = "accepted"
        return member

    @rule(text=st.sampled_from(["a@x.org, B@x.org", "Ann <a@x.org>\na@x.org;c@x.org", " ,"]))
    def read_addresses(self, text):
        found = self.act("invitations.parse_addresses", [], lambda: (
            invitations.parse_addresses(text),))[0]  # fmt: skip
        assert len(set(found)) == len(found)
        assert all("@" in address for address in found)

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
        pending = [(r.kind, r.team, r.role, r.seat) for r in org.requests
                   if r.member is mine and r.state == "pending"]  # fmt: skip
        refusals = refusals or ([Conflict] if wish in pending else [])
        made = self.act("access_requests.ask", refusals, lambda: access_requests.ask(
            actor=self.principal(actor), organization=row, kind=kind, reason="x", role=role,
            seat=seat, wanted_hours=hours, team=team and self.again(team, "organization")),
            inside=org)  # fmt: skip
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
        done = self.act("access_requests.approve", refusals, lambda: access_requests.approve(
            actor=self.principal(actor), organization=row, request=request.row, hours=hours),
            inside=org)  # fmt: skip
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
        if self.act("access_requests.decline", refusals, lambda: access_requests.decline(
            actor=self.principal(actor), organization=row, request=request.row), inside=org):  # fmt: skip
            request.state = "declined"

    @rule(request=wishes, n=ACTORS)
    def withdraw(self, request, n):
        org, row = request.member.org, self.fresh(request.member.org)
        actor = Actor(request.member.user) if n < 9 else self.actor(n, org)
        refusals = self.gone(org) or self.world.need(actor, P.ORGANIZATION_READ, org, self.now)
        refusals = refusals or self.gone(request)
        refusals = refusals or ([] if actor.who is request.member.user else [Missing])
        refusals = refusals or ([] if request.state == "pending" else [AlreadyDecided])
        if self.act("access_requests.withdraw", refusals, lambda: access_requests.withdraw(
            actor=self.principal(actor), organization=row, request=request.row), inside=org):  # fmt: skip
            request.state = "withdrawn"

    # --- keys ---------------------------------------------------------------------------

    def note_key(self, org, owner, secret):
        """Note the key that the bootstrap made."""
        row = recognise(secret, HERE).key
        self.world.keys.append(Key(org, row, owner, secret, None))

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
            return self.world.need(actor, P.SERVICE_ACCOUNT_MANAGE, owner, self.now)
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
        if is_user and not owner.is_there or (org is None and not is_user):
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
        issued = self.act("api_keys.create", refusals, lambda: api_keys.create(
            actor=self.principal(actor), organization=row, owner=subject, name="k",
            expires_at=until), inside=org)  # fmt: skip
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
        issued = self.act("api_keys.rotate", refusals, lambda: api_keys.rotate(
            actor=self.principal(actor), organization=row, key=key.row,
            overlap_seconds=overlap), inside=key.org)  # fmt: skip
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
        if self.act("api_keys.change_overlap", refusals, lambda: api_keys.change_overlap(
            actor=self.principal(actor), organization=row, key=key.row,
            overlap_seconds=overlap), inside=key.org):  # fmt: skip
            self._ends(key, overlap)

    @rule(key=keys, n=ACTORS)
    def revoke_key(self, key, n):
        actor, row = self._actor_of_key(key, n)
        refusals = self._over_key(actor, key, ended_is_fine=True)
        if self.act("api_keys.revoke", refusals, lambda: api_keys.revoke(
            actor=self.principal(actor), organization=row, key=key.row), inside=key.org):  # fmt: skip
            key.is_revoked = True

    @rule(key=keys, n=ACTORS, days=st.sampled_from([None, 2]))
    def update_key(self, key, n, days):
        actor, row = self._actor_of_key(key, n)
        until = None if days is None else self.now + dt.timedelta(days=days)
        if self.act("api_keys.update", self._over_key(actor, key), lambda: api_keys.update(
            actor=self.principal(actor), organization=row, key=key.row,
            changes={"expires_at": until}), inside=key.org):  # fmt: skip
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
        self.act("api_keys.member_named", [] if is_active else [Invalid], lambda: (
            api_keys.member_named(org.row, user.username)))  # fmt: skip
