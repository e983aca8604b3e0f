"""The provisioning log: each request, its outcome, the difference, nothing secret, for 30 days."""

import datetime as dt

from identity.actions import api_keys
from identity.models import APIKey, ProvisioningConnection, ProvisioningEntry
from identity.scim import log
from kernel.clock import now
from kernel.jobs.models import Job
from kernel.latest import flush_all
from tests.conformance.scim.client import patch_of
from tests.factories import OPERATOR, OrganizationFactory

SECRET = "a-password-that-nobody-may-read"


def entries(crowd):
    flush_all()
    return list(ProvisioningEntry.objects.of(crowd).order_by("pk"))


def test_a_created_user_is_told_with_what_came_and_what_it_made(client, crowd):
    body = {"userName": "ada@example.org", "title": "Dr.", "password": SECRET}
    user = client.post("/Users", body).expect(201)
    [entry] = entries(crowd)
    assert (entry.method, entry.path, entry.status) == ("POST", "/scim/v2/Users", 201)
    assert (entry.action, entry.resource_type) == ("created", "User")
    assert (entry.resource_id, entry.resource_name) == (user["id"], "ada@example.org")
    assert entry.changes["title"] == [None, "Dr."]
    assert entry.connection == ProvisioningConnection.objects.of(crowd).get()
    assert "ada@example.org" in entry.request_body
    assert not entry.has_failed


def test_no_secret_is_kept(client, crowd):
    operation = {"op": "replace", "path": "password", "value": SECRET}
    made = client.post("/Users", {"userName": "a@example.org", "password": SECRET}).expect(201)
    client.patch(f"/Users/{made['id']}", patch_of(operation)).expect(200)
    client.post("/Users", f'{{"userName": "b", "password": "{SECRET}" broken').expect(400)
    client.put(f"/Users/{made['id']}", {"PassWord": SECRET}).expect(400)
    key = APIKey.objects.of(crowd).get()
    for entry in entries(crowd):
        for text in (entry.request_body, entry.response_body, str(entry.changes), entry.query):
            assert SECRET not in text
            assert key.last_four not in text or key.key_id not in text


def test_a_refusal_is_told_with_its_reason(client, crowd):
    for _ in range(2):
        answer = client.post("/Users", {"userName": "new@example.org"})
    answer.expect(409)
    client.get("/Users", filter="userName eq").expect(400)
    client.get("/Users/scu_nothing").expect(404)
    told = [(one.status, one.scim_type, one.has_failed) for one in entries(crowd)[1:]]
    assert told == [(409, "uniqueness", True), (400, "invalidFilter", True), (404, "", True)]
    assert "new@example.org" in entries(crowd)[1].detail


def test_a_change_tells_before_and_after(client, crowd):
    user = client.post("/Users", {"userName": "a@example.org", "title": "Dr."}).expect(201)
    stop = {"op": "replace", "value": {"active": False, "title": "Prof."}}
    client.patch(f"/Users/{user['id']}", patch_of(stop)).expect(200)
    group = client.post("/Groups", {"displayName": "G", "members": [{"value": user["id"]}]})
    client.delete(f"/Groups/{group.expect(201)['id']}").expect(204)
    _, changed, made, deleted = entries(crowd)
    assert changed.changes["active"] == [True, False]
    assert changed.changes["title"] == ["Dr.", "Prof."]
    assert made.changes["members added"] == [None, ["a@example.org"]]
    assert (deleted.action, deleted.resource_name) == ("deleted", "G")


def test_reads_leave_a_line_without_bodies(client, crowd):
    client.get("/Users", count=2).expect(200)
    [entry] = entries(crowd)
    assert (entry.action, entry.response_body, entry.query) == ("listed", "", "count=2")


def test_what_is_older_than_thirty_days_is_forgotten(client, crowd):
    client.get("/Users", count=0).expect(200)
    flush_all()
    log.forget_old(Job())
    assert ProvisioningEntry.objects.of(crowd).count() == 1
    ProvisioningEntry.objects.of(crowd).update(at=now() - dt.timedelta(days=30, seconds=1))
    log.forget_old(Job())
    assert not ProvisioningEntry.objects.of(crowd).exists()


def test_a_long_body_is_cut(client, crowd):
    names = [{"value": f"nobody-{number}@example.org"} for number in range(3000)]
    client.post("/Groups", {"displayName": "Long", "members": names}).expect(400)
    client.post("/Users", {f"unknown{number}": "x" * 500 for number in range(50)}).expect(400)
    members, wide = entries(crowd)
    assert "… and 2950 more" in members.request_body
    assert len(wide.request_body) == 8_001
    assert wide.request_body.endswith("…")


def test_a_token_that_does_not_work_any_more_is_told(client, crowd):
    client.get("/Users", count=1).expect(200)
    key = APIKey.objects.of(crowd).get()
    api_keys.revoke(actor=OPERATOR, organization=crowd, key=key)
    client.get("/Users", count=1).expect(401)
    worked, refused = entries(crowd)
    assert (worked.status, refused.status) == (200, 401)
    assert refused.detail == "This key was revoked. Make a new one."
    assert refused.connection == worked.connection is not None
    assert refused.caller == worked.caller


def test_a_token_at_another_organizations_address_is_told_in_its_own_log(client, crowd):
    other = OrganizationFactory(slug="elsewhere")
    client.at("/scim/elsewhere/v2").get("/Users").expect(404)
    assert [entry.status for entry in entries(crowd)] == [404]
    assert not entries(other)


def test_whoever_asks_too_often_does_not_fill_the_log(client, crowd, settings):
    settings.STEWARD_SCIM_RATE = 2
    statuses = [client.get("/Users", count=1).status_code for _ in range(5)]
    assert statuses == [200, 200, 429, 429, 429]
    assert [entry.status for entry in entries(crowd)] == [200, 200]
