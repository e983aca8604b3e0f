"""Rules of grants and invitations."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from identity.actions import api_keys
from kernel.errors import Conflict
from kernel.principal import Origin
from orgs.actions import grants, invitations
from orgs.errors import (
    InvitationEnded,
    NotActive,
    WrongAccount,
)
from orgs.permissions import P
from tests.properties.rules_teams import EITHER
from tests.properties.rules_work import Work
from tests.properties.stage import (
    ACTORS,
    JOB,
    ORGANIZATION_ROLE,
    SEAT,
    TEAM_ROLE,
    custom_roles,
    invited,
    lent,
    machines,
    memberships,
    organizations,
    teams,
    users,
)
from tests.properties.things import Actor, Grant, Invitation, Member

HERE = Origin(ip="192.0.2.7")
ANY_ROLE = st.sampled_from(["member", "admin", "viewer", "billing_admin", "owner"])
DAYS = st.sampled_from([1, 10, 80])


class Access(Work):
    """Who is lent what, and who is invited."""

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
        made = self.act(
            "grants.give",
            refusals,
            lambda: grants.give(
                actor=self.principal(actor),
                organization=row,
                holder=holder.row,
                role=role,
                until=until,
                reason="x",
                custom_role=custom and custom.row,
                team=team and self.again(team, "organization"),
            ),
            inside=org,
        )
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
        if self.act(
            "grants.end",
            refusals,
            lambda: grants.end(actor=self.principal(actor), organization=row, grant=grant.row),
            inside=org,
        ):
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
            seen = self.act(
                "invitations.preview",
                refusals,
                lambda: invitations.preview(
                    actor=self.principal(actor),
                    organization=row,
                    addresses=[user.email],
                    teams=places,
                ),
                inside=org,
            )
            if seen is not None:
                assert seen[0].verdict == self._verdict(actor, org, user.email)[0]
        # What is wrong with the role is said before the team is found gone.
        refusals = refusals + self.world.giving(actor, org, role, custom, self.now, owner=True)
        if team is not None:
            refusals = refusals or self.world.giving(actor, team, team_role, None, self.now)
        outcome = self.act(
            "invitations.create_many",
            refusals,
            lambda: invitations.create_many(
                actor=self.principal(actor),
                organization=row,
                addresses=[user.email],
                role=role,
                custom_role=custom and custom.row,
                seat=seat,
                teams=places,
            ),
            inside=org,
        )
        if outcome is None:
            return multiple()
        verdict, before = self._verdict(actor, org, user.email)
        assert [made.verdict for made in outcome] == [verdict]
        if verdict not in ("invited", "resent"):
            return multiple()
        if before is None:
            before = Invitation(
                org, outcome[0].invitation, user.email, role, custom, seat, offered, None, self.now
            )
            org.invitations.append(before)
        before.role, before.custom = custom.inherits if custom else role, custom
        before.seat, before.teams = seat, offered
        self._renewed(before, actor, outcome[0].invitation)
        return before

    def _renewed(self, invitation, actor, row):
        invitation.row, invitation.by = row, actor.who
        invitation.expires_at = self.now + invitations.LIFE

    def _is_still_offered(self, invitation):
        """Whether the inviter could still send it; while nobody may join, that is not asked."""
        org = invitation.org
        if invitation.by is None or org.is_closed or not org.is_there:
            return True
        return not self._resending(Actor(invitation.by), invitation)

    def _resending(self, actor, invitation):
        """Return what keeps an actor from offering anew what an invitation offers."""
        org = invitation.org
        refusals = self._over_invitation(actor, invitation)
        refusals = refusals or self.world.giving(
            actor, org, invitation.role, invitation.custom, self.now, owner=True
        )
        for team, role in invitation.teams.items():
            refusals = refusals or self.world.giving(actor, team, role, None, self.now)
        return refusals

    def _over_invitation(self, actor, invitation):
        if actor.who is not None and invitation.by is actor.who:
            return self._may_invite(actor, invitation.org, invitation.teams)
        return self.world.need(actor, P.MEMBER_INVITE, invitation.org, self.now)

    @rule(invitation=invited, n=ACTORS)
    def resend(self, invitation, n):
        org, row, actor = invitation.org, self.fresh(invitation.org), self.actor(n, invitation.org)
        refusals = self.gone(org) or ([] if invitation.state == "open" else [InvitationEnded])
        refusals = refusals or self._resending(actor, invitation)
        made = self.act(
            "invitations.resend",
            refusals,
            lambda: invitations.resend(
                actor=self.principal(actor), organization=row, invitation=invitation.row
            ),
            inside=org,
        )
        if made is not None:
            self._renewed(invitation, actor, made)

    @rule(invitation=invited, n=ACTORS)
    def revoke_invitation(self, invitation, n):
        org, row, actor = invitation.org, self.fresh(invitation.org), self.actor(n, invitation.org)
        refusals = self.gone(org) or ([InvitationEnded] if invitation.state == "accepted" else [])
        refusals = refusals or self._over_invitation(actor, invitation)
        if self.act(
            "invitations.revoke",
            refusals,
            lambda: invitations.revoke(
                actor=self.principal(actor), organization=row, invitation=invitation.row
            ),
            inside=org,
        ):
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
        is_live = is_live and self._is_still_offered(invitation)
        found = self.gone(invitation) or ([] if is_live else [InvitationEnded])
        self.act("invitations.find", found, lambda: invitations.find(token))
        refusals = self.world.oneself(actor, user) or found
        refusals = refusals or ([InvitationEnded] if org.purge_at is not None else [])
        proved = [user.email] if knows_mail else []
        refusals = refusals or ([] if invitation.email in proved else [WrongAccount])
        refusals = refusals or self._joining(org, user, invitation.seat)
        made = self.act(
            "invitations.accept",
            refusals,
            lambda: invitations.accept(
                actor=self.principal(actor), token=token, user=user.row, addresses=proved
            ),
        )
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
        found = self.act(
            "invitations.parse_addresses", [], lambda: (invitations.parse_addresses(text),)
        )[0]
        assert len(set(found)) == len(found)
        assert all("@" in address for address in found)
