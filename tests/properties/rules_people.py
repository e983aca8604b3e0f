"""Rules of accounts, organizations, members, seats and restrictions."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from identity.actions import accounts, sessions
from identity.models import EmailAddress
from kernel.errors import Denied, Invalid
from orgs.actions import entitlements, exports, restrictions
from orgs.actions import organizations as organization_actions
from orgs.actions import users as user_actions
from orgs.errors import (
    ConfirmationMismatch,
    LastOwner,
    NameTaken,
    OrganizationBeingDeleted,
    OrganizationRestricted,
)
from orgs.models import Membership
from orgs.permissions import P
from tests.properties.stage import (
    ACTORS,
    JOB,
    NAMES,
    OPERATOR,
    SMALL,
    Stage,
    memberships,
    organizations,
    users,
)
from tests.properties.things import Actor, Org, Source, User

PASSWORD = "a long and unguessable phrase 9"
CLOSED = [OrganizationBeingDeleted, OrganizationRestricted]
POLICIES = st.sampled_from(
    [
        "seat_policy",
        "allows_member_teams",
        "allows_public_projects",
        "allows_api_key_creation",
        "enforces_hidden_teams",
        "enforces_private_projects",
        "enforces_invitation_control",
    ]
)


class People(Stage):
    """Who there is, and who is a member of what."""

    def sign_up_by_operator(self, username):
        row = user_actions.create(
            actor=OPERATOR, username=username, email=f"{username}@example.com"
        )
        user = User(row, username, row.email)
        self.world.users.append(user)
        self.claim(username, user)
        return user

    def found(self, user, slug):
        """Let the operator make an organization for somebody."""
        row = organization_actions.create(
            actor=OPERATOR, name=slug.title(), slug=slug, owner=user.row
        )
        return self._founded(row, slug, user)

    def _founded(self, row, slug, owner):
        org = Org(row, slug.title(), row.slug)
        org.policies["allows_public_projects"] = True
        org.sources["manual"] = Source(dict(SMALL), None)
        org.fit_limits(self.now)
        self.world.orgs.append(org)
        self.world.slugs.add(org.slug)
        made = Membership.objects.of(row).get()
        self.member_of_row(org, owner, made, "full", role="owner", custom=None)
        return org

    # --- accounts -----------------------------------------------------------------------

    @rule(target=users, name=NAMES, by_itself=st.booleans())
    def sign_up(self, name, by_itself):
        refusals = [] if self.world.is_name_free(name, self.now) else [NameTaken]
        email = f"{name.lower()}-{next(self.numbers)}@example.com"
        if by_itself:
            row = self.act(
                "accounts.sign_up",
                refusals,
                lambda: accounts.sign_up(
                    actor=OPERATOR, username=name, email=email, password=PASSWORD
                ),
            )
        else:
            row = self.act(
                "users.create",
                refusals,
                lambda: user_actions.create(actor=OPERATOR, username=name, email=email),
            )
        if row is None:
            return multiple()
        user = User(row, name, email)
        self.world.users.append(user)
        self.claim(name, user)
        return user

    @rule(user=users, name=NAMES, n=ACTORS)
    def rename_user(self, user, name, n):
        actor = Actor(user) if n < 8 else self.actor(n, None)
        refusals = self.world.oneself(actor, user)
        if not refusals and user.is_there:
            held = self.world.names.get(name.casefold())
            is_own = held is not None and held[0] is user
            if user.username != name and not is_own and not self.world.is_name_free(name, self.now):
                refusals = [NameTaken]
        refusals = refusals or self.gone(user)
        if self.act(
            "users.rename",
            refusals,
            lambda: user_actions.rename(
                actor=self.principal(actor), user=self.again(user), username=name
            ),
        ):
            self._renamed(user, user.username, name)
            user.username = name

    def _renamed(self, holder, before, after):
        if before != after:
            until = self.now + dt.timedelta(days=90)
            self.world.names[before.casefold()] = (holder, until)
            self.claim(after, holder)

    @rule(user=users, n=ACTORS, name=NAMES)
    def change_profile(self, user, n, name):
        actor = Actor(user) if n < 8 else self.actor(n, None)
        refusals = self.world.oneself(actor, user) or self.gone(user)
        if self.act(
            "users.update_profile",
            refusals,
            lambda: user_actions.update_profile(
                actor=self.principal(actor), user=user.row, display_name=name, theme="dark"
            ),
        ):
            user.display_name = name

    @rule(user=users, number=st.integers(1, 3))
    def prove_an_address(self, user, number):
        if not user.is_there:
            return
        email = f"mail-{number}@example.com"
        held = EmailAddress.objects.filter(email=email, verified=True).exclude(user=user.row)
        refusals = [Invalid] if held.exists() else []
        if self.act(
            "accounts.vouch_for_address",
            refusals,
            lambda: accounts.vouch_for_address(actor=OPERATOR, user=user.row, email=email),
        ):
            user.proved.add(email)
            self.act(
                "accounts.note_address_proved",
                [],
                lambda: accounts.note_address_proved(actor=OPERATOR, user=user.row, email=email),
            )
            assert (
                self.act("accounts.owner_of_address", [], lambda: accounts.owner_of_address(email))
                == user.row
            )
            self.act(
                "users.set_primary_email",
                [],
                lambda: user_actions.set_primary_email(actor=OPERATOR, user=user.row, email=email),
            )
            user.email = email
        assert self.act(
            "accounts.verified_addresses", [], lambda: (accounts.verified_addresses(user.row),)
        ) == (sorted(user.proved),)

    @rule(user=users, n=ACTORS)
    def set_the_password(self, user, n):
        if not user.is_there:
            return
        actor = Actor(user) if n < 8 else self.actor(n, None)
        keep = self.session_of(user)
        self.session_of(user)
        refusals = self.world.oneself(actor, user)
        if self.act(
            "accounts.set_password",
            refusals,
            lambda: accounts.set_password(
                actor=self.principal(actor), user=user.row, password=PASSWORD, keep_session=keep
            ),
        ):
            user.sessions = {keep}

    @rule(user=users, n=ACTORS)
    def sign_in_and_out(self, user, n):
        if not user.is_there:
            return
        actor = Actor(user) if n < 8 else self.actor(n, None)
        key = self.session_of(user)
        self.act(
            "sessions.note_started",
            [],
            lambda: sessions.note_started(actor=self.principal(Actor(user)), user=user.row),
        )
        shown = self.act("sessions.sessions_of", [], lambda: sessions.sessions_of(user.row))
        assert {row.session_key for row in shown} == user.sessions
        row = next(row for row in shown if row.session_key == key)
        refusals = self.world.oneself(actor, user)
        if n % 2:
            if self.act(
                "sessions.end",
                refusals,
                lambda: sessions.end(actor=self.principal(actor), user=user.row, session_id=row.pk),
            ):
                user.sessions.discard(key)
        elif (
            self.act(
                "sessions.end_others",
                refusals,
                lambda: sessions.end_others(
                    actor=self.principal(actor), user=user.row, keep_key=key
                ),
            )
            is not None
        ):
            user.sessions = {key} if not refusals else user.sessions

    @rule(user=users, n=ACTORS, through=st.booleans(), typo=st.sampled_from(["", "", "", "x"]))
    def delete_account(self, user, n, through, typo):
        if len([u for u in self.world.users if u.is_there]) <= 3:
            return
        actor = Actor(user) if n < 8 else self.actor(n, None)
        delete = accounts.delete if through else user_actions.delete
        mine = [org.members[user] for org in self.world.orgs if user in org.members]
        present = [member for member in mine if member.status != "removed"]
        alone = [m for m in present if m.is_active and m.role == "owner" and m.org.owners() == [m]]
        refusals = self.world.oneself(actor, user)
        refusals = refusals or ([ConfirmationMismatch] if typo else []) or self.gone(user)
        if any(member.org.purge_at is None for member in alone):
            refusals = refusals or [LastOwner]
        name = "accounts.delete" if through else "users.delete"
        if self.act(
            name,
            refusals,
            lambda: delete(
                actor=self.principal(actor),
                user=self.again(user),
                confirmation=user.username + typo,
            ),
        ):
            for member in alone:
                self.world.drop_org(member.org)
            for member in present:
                if member not in alone:
                    self.world.end_membership(member, "removed", self.now, leaves=True)
            self.world.drop_user(user)

    # --- organizations ------------------------------------------------------------------

    @rule(
        target=organizations, user=users, n=ACTORS, slug=st.sampled_from(["acme", "bolt", "cork"])
    )
    def create_organization(self, user, n, slug):
        if not user.is_there or len(self.world.orgs) >= 4:
            return multiple()
        actor = Actor(user) if n < 9 else self.actor(n, None)
        refusals = self.world.oneself(actor, user)
        refusals = refusals or ([NameTaken] if slug in self.world.slugs else [])
        row = self.act(
            "organizations.create",
            refusals,
            lambda: organization_actions.create(
                actor=self.principal(actor), name=slug.title(), slug=slug, owner=user.row
            ),
        )
        if row is None:
            return multiple()
        return self._founded(row, slug, user)

    @rule(target=memberships, org=organizations)
    def somebody_of(self, org):
        return multiple(*org.members.values())

    @rule(org=organizations, n=ACTORS, policy=POLICIES, value=st.booleans())
    def change_policy(self, org, n, policy, value):
        actor = self.actor(n, org)
        wanted = ("viewer" if value else "refuse") if policy == "seat_policy" else value
        refusals = self.gone(org) or self.world.need(actor, P.ORGANIZATION_UPDATE, org, self.now)
        row = self.fresh(org)
        if self.act(
            "organizations.update",
            refusals,
            lambda: organization_actions.update(
                actor=self.principal(actor), organization=row, changes={policy: wanted}
            ),
            inside=org,
        ):
            org.policies[policy] = wanted

    @rule(org=organizations, n=ACTORS, slug=st.sampled_from(["acme", "bolt", "dune"]))
    def move_address(self, org, n, slug):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.gone(org) or self.world.need(actor, P.ORGANIZATION_UPDATE, org, self.now)
        if not refusals and slug != org.slug and slug in self.world.slugs:
            refusals = [NameTaken]
        if self.act(
            "organizations.update",
            refusals,
            lambda: organization_actions.update(
                actor=self.principal(actor), organization=row, changes={"slug": slug}
            ),
            inside=org,
        ):
            self.world.slugs.discard(org.slug)
            self.world.slugs.add(slug)
            org.slug = slug

    @rule(org=organizations, n=ACTORS, typo=st.sampled_from(["", "", "x"]))
    def ask_for_deletion(self, org, n, typo):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.gone(org) or self.world.need(actor, P.ORGANIZATION_DELETE, org, self.now)
        refusals = refusals or ([ConfirmationMismatch] if typo else [])
        if (
            self.act(
                "organizations.request_deletion",
                refusals,
                lambda: organization_actions.request_deletion(
                    actor=self.principal(actor), organization=row, confirmation=org.slug + typo
                ),
                inside=org,
            )
            and org.purge_at is None
        ):
            org.purge_at = self.now + dt.timedelta(days=14)
            self.world.end_keys(self.now, org=org)

    @rule(org=organizations, n=ACTORS)
    def restore(self, org, n):
        actor, row = self.actor(n, org), self.fresh(org)
        refusals = self.gone(org) or self.world.need(actor, P.ORGANIZATION_DELETE, org, self.now)
        if self.act(
            "organizations.restore",
            refusals,
            lambda: organization_actions.restore(actor=self.principal(actor), organization=row),
            inside=org,
        ):
            org.purge_at = None

    @rule(org=organizations, n=ACTORS)
    def purge_one(self, org, n):
        actor = self.actor(n % 3, org)
        refusals = [] if actor.is_operator else [Denied]
        is_due = org.is_there and org.purge_at is not None and org.purge_at <= self.now
        done = self.act(
            "organizations.purge",
            refusals,
            lambda: organization_actions.purge(
                actor=self.principal(actor), organization_id=org.row.pk
            ),
        )
        if done is not None:
            assert done is is_due
            if is_due:
                self.world.drop_org(org)

    @rule()
    def purge_what_is_due(self):
        self.act("organizations.purge_due", [], lambda: organization_actions.purge_due(JOB))
        for org in list(self.world.orgs):
            if org.purge_at is not None and org.purge_at <= self.now:
                self.world.drop_org(org)

    @rule(
        org=organizations, n=ACTORS, kind=st.sampled_from(["suspended", "read_only", "over_quota"])
    )
    def impose(self, org, n, kind):
        actor, row = self.actor(n % 2, org), self.fresh(org)
        subject = str(P.PROJECT_CREATE) if kind == "over_quota" else ""
        refusals = [] if actor.is_operator else [Denied]
        refusals = refusals or self.gone(org)
        if self.act(
            "restrictions.impose",
            refusals,
            lambda: restrictions.impose(
                actor=self.principal(actor),
                organization=row,
                kind=kind,
                reason="x",
                subject=subject,
            ),
        ):
            org.restrictions.add((kind, subject))

    @rule(org=organizations, kind=st.sampled_from(["suspended", "read_only", "over_quota"]))
    def lift(self, org, kind):
        row = self.fresh(org)
        subject = str(P.PROJECT_CREATE) if kind == "over_quota" else ""
        done = self.act(
            "restrictions.lift",
            self.gone(org),
            lambda: restrictions.lift(actor=OPERATOR, organization=row, kind=kind, subject=subject),
        )
        if done is not None:
            assert done is ((kind, subject) in org.restrictions)
            org.restrictions.discard((kind, subject))

    @rule(
        org=organizations,
        n=ACTORS,
        source=st.sampled_from(["manual", "subscription", "academic"]),
        full=st.sampled_from([0, 1, 2, 4, 6, None]),
        days=st.sampled_from([None, 1, 20]),
    )
    def entitle(self, org, n, source, full, days):
        actor, row = self.actor(n % 3, org), self.fresh(org)
        until = None if days is None else self.now + dt.timedelta(days=days)
        refusals = [] if actor.is_operator else [Denied]
        refusals = refusals or self.gone(org)
        if self.act(
            "entitlements.apply",
            refusals,
            lambda: entitlements.apply(
                actor=self.principal(actor),
                organization=row,
                source=source,
                seats={"full": full, "viewer": 2},
                until=until,
            ),
        ):
            org.sources[source] = Source({"full": full, "viewer": 2}, until)
            org.fit_limits(self.now)

    @rule()
    def note_lapsed_entitlements(self):
        self.act("entitlements.note_lapsed", [], lambda: entitlements.note_lapsed(JOB))
        for org in self.world.orgs:
            for source in org.sources.values():
                over = source.until is not None and source.until <= self.now
                if over and not source.lapse_noted:
                    source.lapse_noted = True
                    org.fit_limits(self.now)

    @rule(org=organizations, n=ACTORS, what=st.sampled_from(["audit", "members"]))
    def take_along(self, org, n, what):
        actor, row = self.actor(n, org), self.fresh(org)
        permission = P.AUDIT_READ if what == "audit" else P.MEMBER_READ
        refusals = self.gone(org) or self.world.need(actor, permission, org, self.now)
        self.act(
            "exports.note",
            refusals,
            lambda: exports.note(
                actor=self.principal(actor), organization=row, what=what, filters={}
            ),
            inside=org,
        )
