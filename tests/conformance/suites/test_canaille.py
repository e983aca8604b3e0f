"""canaille: what is done in an identity provider arrives here, by its own client.

It reads /ResourceTypes, /Schemas and /ServiceProviderConfig before everything, looks for its
own id with `externalId eq "…"`, then sends POST, PUT or DELETE of `application/json`. A
password is sent along as a hash; members have `$ref`, `type` and `display`.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from tests.conformance.suites.canaille import Canaille
from tests.conformance.suites.conftest import Door

pytestmark = pytest.mark.slow

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of an identity provider that nobody used yet."""
    return Canaille.install(tmp_path_factory.mktemp("canaille")).home


@pytest.fixture
def idp(empty: Path, tmp_path: Path, door: Door) -> Canaille:
    """Return an identity provider that keeps Acme up to date."""
    for name in ("canaille.sqlite", "sitecustomize.py"):
        shutil.copy(empty / name, tmp_path)
    text = (empty / "canaille.toml").read_text().replace(str(empty), str(tmp_path))
    (tmp_path / "canaille.toml").write_text(text)
    made = Canaille(tmp_path)
    made.provision(door.url, door.token)
    return made


def here(wire: Client, kind: str, question: str) -> list[dict[str, Any]]:
    """Return what is found here."""
    answer = wire.get(kind, params={"filter": question})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["Resources"]
    return found


def user(wire: Client, name: str) -> dict[str, Any]:
    """Return the one of this user name."""
    [found] = here(wire, "/Users", f'userName eq "{name}"')
    return found


def members(wire: Client, name: str) -> set[str]:
    """Return the ids of the members of the group of this name."""
    [found] = here(wire, "/Groups", f'displayName eq "{name}"')
    return {member["value"] for member in found.get("members", [])}


def test_somebody_is_hired_renamed_locked_and_let_go(idp: Canaille, wire: Client) -> None:
    made = idp.create(
        "user",
        user_name="ada@example.org",
        given_name="Ada",
        family_name="Byron",
        display_name="Ada Byron",
        emails=["ada@example.org", "ada.byron@example.org"],
        password="correct-horse-battery-staple",
        preferred_language="en",
        phone_numbers="+15551234567",
        locality="London",
        profile_url="https://ada.example.org",
        department="Engines",
        employee_number="17",
    )
    ada = user(wire, "ada@example.org")
    assert ada["externalId"] == made["id"]
    assert ada["name"] == {**ada["name"], "givenName": "Ada", "familyName": "Byron"}
    assert [email["value"] for email in ada["emails"]] == [
        "ada@example.org",
        "ada.byron@example.org",
    ]
    assert ada["active"] is True
    assert (ada[ENTERPRISE]["department"], ada[ENTERPRISE]["employeeNumber"]) == ("Engines", "17")
    assert "password" not in ada

    idp.edit("user", "ada@example.org", family_name="Lovelace", title="Countess")
    again = user(wire, "ada@example.org")
    assert again["id"] == ada["id"]
    assert (again["name"]["familyName"], again["title"]) == ("Lovelace", "Countess")

    idp.edit("user", "ada@example.org", lock_date="2026-01-01T00:00:00+00:00")
    assert user(wire, "ada@example.org")["active"] is False

    idp.delete("user", user_name="ada@example.org")
    assert here(wire, "/Users", 'userName eq "ada@example.org"') == []
    assert wire.get(f"/Users/{ada['id']}").status_code == 404


def test_a_crew_is_formed_changed_renamed_and_dissolved(idp: Canaille, wire: Client) -> None:
    ids = {}
    for name in ("ada", "grace"):
        idp.create(
            "user",
            user_name=f"{name}@example.org",
            given_name=name.title(),
            family_name="Suites",
            display_name=f"{name.title()} Suites",
            emails=f"{name}@example.org",
        )
        ids[name] = user(wire, f"{name}@example.org")["id"]

    idp.create("group", display_name="crew", members=["ada@example.org", "grace@example.org"])
    assert members(wire, "crew") == {ids["ada"], ids["grace"]}

    idp.edit("group", "crew", members=["ada@example.org"])
    assert members(wire, "crew") == {ids["ada"]}

    # By the user's side: canaille tells of the group as well.
    idp.edit("user", "grace@example.org", groups=["crew"])
    assert members(wire, "crew") == {ids["ada"], ids["grace"]}

    idp.edit("group", "crew", display_name="the crew")
    assert members(wire, "the crew") == {ids["ada"], ids["grace"]}
    assert here(wire, "/Groups", 'displayName eq "crew"') == []

    idp.delete("user", user_name="grace@example.org")
    assert members(wire, "the crew") == {ids["ada"]}

    idp.delete("group", display_name="the crew")
    assert here(wire, "/Groups", 'displayName eq "the crew"') == []
    assert user(wire, "ada@example.org")["active"] is True
