"""Any PATCH over HTTP does what the naive reading says, or is refused as RFC 7644 has it."""

import json
import os

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from identity.actions import provisioning
from identity.resources.schema import ENTERPRISE_URN
from tests.conformance.scim.client import Client, bearer
from tests.identity.scim import patches
from tests.worlds import acme

EXAMPLES = int(os.environ.get("STEWARD_SCIM_EXAMPLES", "60"))
_KEPT = ("displayName", "title", "name", "emails", ENTERPRISE_URN)
_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
TYPES = {
    "invalidFilter", "invalidPath", "invalidSyntax", "invalidValue", "mutability", "noTarget",
    "uniqueness",
}  # fmt: skip


@pytest.fixture
def client(db, settings):
    settings.STEWARD_SCIM_RATE = 0
    world = acme()
    acting = {"actor": world.owner.principal, "organization": world.organization}
    connection = provisioning.connect(**acting, name="Okta", provider="okta")
    issued = provisioning.issue_token(**acting, connection=connection, name="token")
    return Client(bearer(issued.secret))


@pytest.fixture
def user(client):
    return client.post("/Users", {"userName": "patched@example.org"}).expect(201)


def put(client, user, resource):
    """Bring the User back to a resource of the test's."""
    return client.put(
        f"/Users/{user['id']}", {"userName": "patched@example.org", **resource}
    ).expect(200)


@examples(max_examples=EXAMPLES, deadline=None, suppress_health_check=_QUIET)
@given(first=patches.operations, then=patches.operations, shout=st.booleans())
def test_a_patch_does_what_the_naive_reading_says(client, user, first, then, shout):
    letters = str.capitalize if shout else str
    try:
        start = patches.naive({}, first)
    except patches.Refused:
        start = {"title": "start"}
    put(client, user, start)
    answer = client.patch(f"/Users/{user['id']}", patches.body_of(then, letters))
    try:
        expected = patches.naive(start, then)
    except patches.Refused:
        answer.expect(400, "noTarget")
        expected = start
    else:
        answer.expect(200)
    shown = client.get(f"/Users/{user['id']}").expect(200)
    assert {name: shown[name] for name in _KEPT if name in shown} == expected


value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("a@x.org"),
    lambda more: st.lists(more, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["value", "type", "primary", "members", "displayName", "emails", "x", "$ref"]
        ),
        more,
        max_size=3,
    ),
    max_leaves=6,
)
path = st.sampled_from(
    [
        "userName", "emails", "emails[", "emails[type eq]", 'emails[type eq "work"]',
        "emails.value",
        'emails[nope eq "x"]', "members", 'members[value eq "x"]', "members.display", "name.nope",
        "id", "meta", "schemas", "active", "groups", "password", "", " ", "a..b", "urn:x:y", "nope",
        'emails[value eq "\\u0000"]', "externalId", "organizationRole", "teamRoles",
        f"{ENTERPRISE_URN}:manager", ENTERPRISE_URN, "displayName", 'displayName[value eq "x"]',
    ]
) | st.text(max_size=12)  # fmt: skip
wild = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "Replace", "REMOVE", "move", ""]) | value,
        "path": path | value,
        "value": value,
    },
)
bodies = value | st.fixed_dictionaries(
    {"Operations": value | st.lists(wild, max_size=3)}, optional={"schemas": value}
)


@examples(max_examples=EXAMPLES * 3, deadline=None, suppress_health_check=_QUIET)
@given(body=bodies, kind=st.sampled_from(["Users", "Groups", "Roles"]))
def test_whatever_is_sent_is_done_or_refused_and_nothing_is_half_done(
    client, user, group, role, body, kind
):
    made = {"Users": user, "Groups": group, "Roles": role}[kind]
    before = client.get(f"/{kind}/{made['id']}").expect(200)
    try:
        json.dumps(body).encode()
    except UnicodeEncodeError:
        return
    answer = client.patch(f"/{kind}/{made['id']}", body)
    assert answer.status_code in (200, 400, 403, 409), (body, answer.content)
    if answer.status_code == 200:
        return
    refusal = answer.json()
    if answer.status_code == 400:
        assert refusal["scimType"] in TYPES, (body, refusal)
    assert client.get(f"/{kind}/{made['id']}").expect(200) == before


@pytest.fixture
def group(client, user):
    return client.post(
        "/Groups", {"displayName": "Patched", "members": [{"value": user["id"]}]}
    ).expect(201)


@pytest.fixture
def role(client):
    return client.post("/Roles", {"name": "Patched", "inheritedFrom": "viewer"}).expect(201)

