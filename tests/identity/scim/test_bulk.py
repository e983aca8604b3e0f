"""Many operations in one request (RFC 7644 §3.7)."""

import pytest

from identity.models import ProvisioningEntry, SCIMUser
from kernel.latest import flush_all

GROUP = {"method": "POST", "path": "/Groups", "bulkId": "g"}


def post(name, bulk_id):
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"userName": name}}


def test_what_is_made_is_named_by_what_comes_before_and_after(client):
    group = {**GROUP, "data": {"displayName": "Crew", "members": [{"value": "bulkId:a"}]}}
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    second = post("b@example.org", "b")
    second["data"][manager] = {"manager": {"value": "bulkId:a"}}
    body = {"Operations": [group, second, post("a@example.org", "a")]}
    done = client.post("/Bulk", body).expect(200)["Operations"]
    assert [(one["bulkId"], one["status"]) for one in done] == [
        ("g", "201"), ("b", "201"), ("a", "201"),
    ]  # fmt: skip
    ids = {one["bulkId"]: one["location"].rpartition("/")[2] for one in done}
    shown = client.get(f"/Groups/{ids['g']}").expect(200)
    assert [one["value"] for one in shown["members"]] == [ids["a"]]
    assert client.get(f"/Users/{ids['b']}").expect(200)[manager]["manager"]["value"] == ids["a"]


def test_one_that_fails_undoes_nothing_and_too_many_end_it(client, crowd):
    body = {
        "failOnErrors": 2,
        "Operations": [
            post("one@example.org", "1"),
            post("one@example.org", "2"),
            {"method": "DELETE", "path": "/Users/scu_0192f3a45b6c7d8e9f0123456789abcd"},
            post("two@example.org", "3"),
        ],
    }
    done = client.post("/Bulk", body).expect(200)["Operations"]
    assert [one["status"] for one in done] == ["201", "409", "404"]
    assert done[1]["response"]["scimType"] == "uniqueness"
    made = SCIMUser.objects.of(crowd)
    assert made.filter(user_name="one@example.org").exists()
    assert not made.filter(user_name="two@example.org").exists()


def test_those_that_wait_for_each_other_are_told(client):
    one = {**GROUP, "data": {"displayName": "A", "members": [{"value": "bulkId:h"}]}}
    other = {**GROUP, "bulkId": "h", "data": {"displayName": "B", "externalId": "bulkId:g"}}
    done = client.post("/Bulk", {"Operations": [one, other]}).expect(200)["Operations"]
    assert [one["status"] for one in done] == ["409", "409"]


def test_put_patch_and_delete_with_a_version(client):
    made = client.post("/Users", {"userName": "x@example.org"})
    path = f"/Users/{made.json()['id']}"
    patch = {"Operations": [{"op": "add", "path": "title", "value": "Dr."}]}
    body = {
        "Operations": [
            {"method": "PATCH", "path": path, "version": made.headers["ETag"], "data": patch},
            {"method": "PUT", "path": path, "version": made.headers["ETag"], "data": {}},
            {"method": "PUT", "path": path, "data": {"userName": "y@example.org"}},
            {"method": "DELETE", "path": path},
        ]
    }
    done = client.post("/Bulk", body).expect(200)["Operations"]
    assert [one["status"] for one in done] == ["200", "412", "200", "204"]
    client.get(path).expect(404)


@pytest.mark.parametrize(
    ("body", "status", "scim_type"),
    [
        ([], 400, "invalidSyntax"),
        ({}, 400, "invalidSyntax"),
        ({"Operations": [{"method": "GET", "path": "/Users"}]}, 400, "invalidSyntax"),
        ({"Operations": [{"method": "POST", "path": "/Users"}]}, 400, "invalidSyntax"),
        ({"Operations": [{"method": "PUT", "path": "Users"}]}, 400, "invalidSyntax"),
        ({"Operations": [post("a", "1"), post("b", "1")]}, 400, "invalidValue"),
        ({"failOnErrors": "x", "Operations": [post("a", "1")]}, 400, "invalidValue"),
        ({"Operations": [post("a", str(n)) for n in range(1001)]}, 413, None),
    ],
)
def test_a_body_that_is_no_bulk_is_refused_whole(client, crowd, body, status, scim_type):
    before = SCIMUser.objects.of(crowd).count()
    client.post("/Bulk", body).expect(status, scim_type)
    assert SCIMUser.objects.of(crowd).count() == before


@pytest.mark.parametrize("path", ["/Bulk", "/Nothing", "/../../api/v1/me", "/Schemas"])
def test_paths_that_are_no_resource_are_not_found(client, path):
    body = {"Operations": [{"method": "POST", "path": path, "bulkId": "1", "data": {}}]}
    [done] = client.post("/Bulk", body).expect(200)["Operations"]
    assert done["status"] in ("404", "405")


def test_each_operation_has_its_line_in_the_log(client, crowd):
    client.post("/Bulk", {"Operations": [post("logged@example.org", "1")]}).expect(200)
    flush_all()
    told = ProvisioningEntry.objects.of(crowd).order_by("pk").values_list("action", "status")
    assert set(told) == {("created", 201), ("bulk", 200)}


def test_what_names_one_that_failed_is_not_done(client, crowd):
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    second = post("b@example.org", "b")
    second["data"][manager] = {"manager": {"value": "bulkId:ä"}}
    body = {"Operations": [second, post("", "ä"), post("c@example.org", "c")]}
    done = client.post("/Bulk", body).expect(200)["Operations"]
    assert [one["status"] for one in done] == ["409", "400", "201"]
    assert "“ä”" in done[0]["response"]["detail"]
    assert not SCIMUser.objects.of(crowd).filter(user_name="b@example.org").exists()


def test_a_text_that_only_looks_like_a_reference_stays(client):
    body = {"Operations": [{**post("a@example.org", "a"), "data": {
        "userName": "a@example.org", "title": "bulkId:nobody", "nickName": "bulkId:a",
    }}]}  # fmt: skip
    done = client.post("/Bulk", body).expect(200)["Operations"]
    assert done[0]["status"] == "409", "it waits for itself"
    del body["Operations"][0]["data"]["nickName"]
    done = client.post("/Bulk", body).expect(200)["Operations"]
    made = client.get(f"/Users/{done[0]['location'].rpartition('/')[2]}").expect(200)
    assert made["title"] == "bulkId:nobody"


def test_a_chain_in_the_wrong_order_is_done(client):
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    chain = []
    for number in range(12):
        one = post(f"u{number}@example.org", f"u{number}")
        if number < 11:
            one["data"][manager] = {"manager": {"value": f"bulkId:u{number + 1}"}}
        chain.append(one)
    done = client.post("/Bulk", {"Operations": chain}).expect(200)["Operations"]
    assert [one["status"] for one in done] == ["201"] * 12


@pytest.mark.parametrize(
    "path",
    ["/Users/.search", "/Groups/.search", "/.search", "/Bulk", "/Me", "/Users?x=1", "/Users/a\n"],
)
def test_only_resources_are_worked_on(client, path):
    operation = {"method": "POST", "path": path, "bulkId": "1", "data": {}}
    done = client.post("/Bulk", {"Operations": [operation]}).expect(200)["Operations"]
    assert done[0]["status"] == "404"
