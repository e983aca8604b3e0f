"""The demo organization of the first start: people, teams, keys, invitations, a trail.

Everything goes through the actions, so the demo is as true as real use: seats are
counted, mails are queued, the audit log tells each step.
"""

import datetime as dt
import json
import secrets
from pathlib import Path

from django.conf import settings
from django.db import transaction

from identity import demo_provisioning
from identity.actions import accounts, api_keys
from kernel.clock import now
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.actions import (
    access_requests,
    grants,
    invitations,
    members,
    organizations,
    projects,
    roles,
    service_accounts,
    teams,
    users,
)
from orgs.models import Membership, Organization, ServiceAccount, Team, User

NAME = "Northwind Labs (demo)"
SLUG = "northwind-demo"

PEOPLE = (
    ("ines", "Ines Marchetti", "owner", "full"),
    ("ada.okafor", "Ada Okafor", "admin", "full"),
    ("t.zielinski", "Tomasz Zielinski", "member", "full"),
    ("meiling.chou", "Mei-Ling Chou", "member", "full"),
    ("s.adeyemi", "Samuel Adeyemi", "billing_admin", "none"),
    ("freya.l", "Freya Lindqvist", "member", "full"),
    ("rohan.mehta", "Rohan Mehta", "admin", "full"),
    ("lucia.ferrer", "Lucía Ferrer", "member", "full"),
    ("jonas.weber", "Jonas Weber", "member", "full"),
    ("aiko.tanaka", "Aiko Tanaka", "member", "full"),
    ("omar.haddad", "Omar Haddad", "member", "full"),
    ("nina.kovac", "Nina Kovač", "member", "full"),
    ("paul.girard", "Paul Girard", "viewer", "viewer"),
    ("sofia.rossi", "Sofia Rossi", "viewer", "viewer"),
    ("dmitri.p", "Dmitri Petrov", "viewer", "viewer"),
    ("hannah.cole", "Hannah Cole", "viewer", "viewer"),
    ("yusuf.demir", "Yusuf Demir", "member", "full"),
    ("clara.nunes", "Clara Nunes", "member", "full"),
)
TEAMS = (
    ("nw-platform", "Platform", ("ada.okafor", "t.zielinski", "rohan.mehta")),
    ("nw-vision", "Vision", ("t.zielinski", "meiling.chou", "freya.l", "paul.girard")),
    ("nw-research", "Applied research", ("meiling.chou", "lucia.ferrer", "jonas.weber")),
    ("nw-speech", "Speech", ("freya.l", "aiko.tanaka", "omar.haddad", "nina.kovac")),
)


def seed(path: Path) -> bool:
    """Create the demo organization unless it is there; write how to sign in to `path`.

    Returns whether it was created. The password is made at random: there is no default
    one to forget about.
    """
    if Organization.objects.filter(slug=SLUG).exists():
        return False
    facts = _create()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(facts, indent=2))
    return True


@transaction.atomic
def _create() -> dict[str, str]:
    operator = Principal.system("demo")
    people = {short: _person(operator, short, name) for short, name, _, _ in PEOPLE}
    password = secrets.token_urlsafe(12)
    accounts.set_password(actor=operator, user=people["ines"], password=password)
    ines = _as(people["ines"])
    organization = organizations.create(
        actor=ines, name=NAME, slug=SLUG, owner=people["ines"], is_demo=True
    )
    held = {"ines": Membership.objects.of(organization).get(user=people["ines"])}
    for short, _, role, seat in PEOPLE[1:]:
        held[short] = members.provision(
            actor=ines, organization=organization, user=people[short], role=role, seat=seat
        )
    made = _teams(ines, organization, held)
    _extras(ines, organization, held, made, people)
    account, secret = _machines(ines, organization, made)
    demo_provisioning.seed(owner=ines, organization=organization)
    personal = api_keys.create(
        actor=ines,
        organization=organization,
        owner=people["ines"],
        name="First steps",
        expires_at=now() + dt.timedelta(days=30),
    )
    return {
        "organization": organization.slug,
        "email": people["ines"].email,
        "password": password,
        "api_key": personal.secret,
        "service_account": account.name,
        "service_account_key": secret,
    }


def _person(operator: Principal, short: str, name: str) -> User:
    email = f"{short}@northwind.example"
    user = users.create(
        actor=operator, username=f"{short.replace('.', '-')}-demo", email=email, display_name=name
    )
    accounts.vouch_for_address(actor=operator, user=user, email=email)
    return user


def _teams(
    ines: Principal, organization: Organization, held: dict[str, Membership]
) -> dict[str, Team]:
    made = {}
    for name, title, people in TEAMS:
        team = teams.create(
            actor=ines,
            organization=organization,
            name=name,
            display_name=title,
            admin=held[people[0]],
        )
        for short in people[1:]:
            role = "viewer" if held[short].seat == "viewer" else "member"
            teams.add_member(
                actor=ines, organization=organization, team=team, member=held[short], role=role
            )
        made[name] = team
    projects.create(
        actor=ines,
        organization=organization,
        team=made["nw-vision"],
        name="depth-estimation",
        description="Monocular depth for the warehouse robots",
    )
    projects.create(
        actor=ines,
        organization=organization,
        team=made["nw-research"],
        name="curriculum",
        visibility="restricted",
    )
    return made


def _extras(
    ines: Principal,
    organization: Organization,
    held: dict[str, Membership],
    made: dict[str, Team],
    people: dict[str, User],
) -> None:
    roles.create(
        actor=ines,
        organization=organization,
        name="Security reviewer",
        scope="organization",
        inherits="member",
        added=["audit.read", "api_key.read"],
        description="Reads the trail and the keys, changes nothing",
    )
    grants.give(
        actor=ines,
        organization=organization,
        holder=held["jonas.weber"],
        role="admin",
        team=made["nw-speech"],
        until=now() + dt.timedelta(days=3),
        reason="Cleaning up old experiments while Freya is away",
    )
    access_requests.ask(
        actor=_as(people["omar.haddad"]),
        organization=organization,
        kind="team",
        team=made["nw-vision"],
        reason="I take over the audio-visual model in spring",
    )
    access_requests.ask(
        actor=_as(people["hannah.cole"]),
        organization=organization,
        kind="seat",
        seat="full",
        reason="I start to run my own evaluations",
    )
    invitations.create_many(
        actor=ines,
        organization=organization,
        addresses=["lena.brandt@northwind.example", "jun.sato@northwind.example"],
        role="member",
        teams=[(made["nw-vision"], "member")],
    )
    members.deactivate(actor=ines, organization=organization, member=held["clara.nunes"])


def _machines(
    ines: Principal, organization: Organization, made: dict[str, Team]
) -> tuple[ServiceAccount, str]:
    nightly = service_accounts.create(
        actor=ines,
        organization=organization,
        team=made["nw-vision"],
        name="nightly-train",
        description="Nightly training runs",
    )
    key = api_keys.create(
        actor=ines,
        organization=organization,
        owner=nightly,
        name="GitHub Actions",
        expires_at=now() + dt.timedelta(days=90),
    )
    rotated = api_keys.rotate(
        actor=ines, organization=organization, key=key.key, overlap_seconds=2 * 24 * 3600
    )
    release = service_accounts.create(
        actor=ines, organization=organization, team=made["nw-platform"], name="release-bot"
    )
    api_keys.create(
        actor=ines,
        organization=organization,
        owner=release,
        name="Release pipeline",
        scopes=["*.read"],
        expires_at=now() + dt.timedelta(days=10),
    )
    return nightly, rotated.secret


def _as(user: User) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        id=user.pk,
        label=user.username,
        credential=Credential(kind=CredentialKind.COMMAND_LINE, id="demo"),
    )


def default_path() -> Path:
    """Return where the demo's sign-in facts are kept."""
    return Path(settings.STEWARD_DATA_DIR) / "demo.json"
