"""scim2-client and scim2-models: an independent client that validates every answer.

Status, media type, `schemas`, types, mutability, returnability and unknown attributes are
checked by the client itself, against what the service publishes at /Schemas, and it sends
`If-Match` and `If-None-Match` by itself where ETags are announced.
"""

from typing import Any

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import (
    BulkOperation,
    BulkRequest,
    EnterpriseUser,
    Group,
    GroupMember,
    InvalidFilterException,
    InvalidValueException,
    NotFoundException,
    PatchOp,
    PatchOperation,
    PreconditionFailedException,
    ScimPolicy,
    SearchRequest,
    UniquenessException,
    User,
)

pytestmark = pytest.mark.slow

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def person(scim: SyncSCIMClient, name: str, **more: Any) -> Any:
    """Create somebody with the published model, and return the answer."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": f"{name}@example.org",
        "externalId": f"external-{name}",
        "name": {"givenName": name.title(), "familyName": "Suites"},
        "displayName": f"{name.title()} Suites",
        "emails": [{"value": f"{name}@example.org", "type": "work", "primary": True}],
        "active": True,
        **more,
    }
    return scim.create(scim.get_resource_model("User").model_validate(body))


def group(scim: SyncSCIMClient, name: str, *members: Any) -> Any:
    """Create a group with the published model, and return the answer."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": name,
        "members": [{"value": member.id, "type": "User"} for member in members],
    }
    return scim.create(scim.get_resource_model("Group").model_validate(body))


def found(scim: SyncSCIMClient, kind: str, question: str, **more: Any) -> list[Any]:
    """Return what a filter finds."""
    asked = SearchRequest(filter=question, **more)
    return scim.query(scim.get_resource_model(kind), query_parameters=asked).resources or []


def change(scim: SyncSCIMClient, one: Any, *operations: PatchOperation) -> Any:
    """PATCH and return the resource as it is then."""
    scim.modify(type(one), one.id, PatchOp[type(one)](operations=list(operations)))
    return scim.query(type(one), one.id)


def test_what_is_published_makes_models_for_users_and_groups(scim: SyncSCIMClient) -> None:
    user = scim.get_resource_model("User")
    assert scim.provider.config is not None
    assert scim.provider.config.patch.supported
    assert scim.provider.config.filter.supported
    assert "user_name" in user.model_fields
    assert "members" in scim.get_resource_model("Group").model_fields
    assert user.get_extension_model(ENTERPRISE) is not None


def test_a_user_lives_through_create_put_patch_and_delete(scim: SyncSCIMClient) -> None:
    made = person(scim, "ada")
    assert made.id
    assert made.meta.location.endswith(f"/v2/Users/{made.id}")
    assert made.external_id == "external-ada"
    model = type(made)
    assert scim.query(model, made.id).model_dump() == made.model_dump()

    made.title = "Countess"
    made.name.family_name = "Lovelace"
    put = scim.replace(made)
    assert (put.title, put.name.family_name) == ("Countess", "Lovelace")
    assert put.id == made.id
    assert put.meta.created == made.meta.created

    changed = change(
        scim,
        put,
        PatchOperation(op="replace", path="displayName", value="Ada King"),
        PatchOperation(op="remove", path="title"),
        PatchOperation(op="replace", path="active", value=False),
    )
    assert (changed.display_name, changed.title, changed.active) == ("Ada King", None, False)

    assert scim.delete(model, made.id) is None
    with pytest.raises(NotFoundException):
        scim.query(model, made.id)
    with pytest.raises(NotFoundException):
        scim.delete(model, made.id)


def test_extensions_are_kept_and_patched(scim: SyncSCIMClient) -> None:
    made = person(
        scim,
        "grace",
        schemas=["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        **{ENTERPRISE: {"department": "Research", "employeeNumber": "17"}},
    )
    extension = type(made).get_extension_model(ENTERPRISE)
    assert made[extension].department == "Research"
    changed = change(
        scim,
        made,
        PatchOperation(op="replace", path=f"{ENTERPRISE}:department", value="Compilers"),
    )
    assert changed[extension].department == "Compilers"
    assert changed[extension].employee_number == "17"


def test_a_second_user_of_the_same_name_is_a_conflict(scim: SyncSCIMClient) -> None:
    person(scim, "ada")
    with pytest.raises(UniquenessException):
        person(scim, "ada")


@pytest.mark.parametrize(
    "question",
    [
        'userName eq "ada@example.org"',
        'USERNAME EQ "ADA@EXAMPLE.ORG"',
        'externalId eq "external-ada"',
        'emails[type eq "work" and value co "ada@"]',
        'emails co "ada@example"',
        'name.familyName eq "Suites" and userName sw "ada"',
        'not (userName eq "grace@example.org") and externalId sw "external-"',
        'userName eq "nobody" or externalId eq "external-ada"',
        'active eq true and externalId eq "external-ada"',
        'meta.resourceType eq "User" and displayName ew "a Suites"',
    ],
)
def test_filters_find_the_one_that_is_meant(scim: SyncSCIMClient, question: str) -> None:
    ada = person(scim, "ada")
    person(scim, "grace")
    assert [user.id for user in found(scim, "User", question)] == [ada.id]


def test_a_filter_that_cannot_be_read_is_refused_as_such(scim: SyncSCIMClient) -> None:
    asked = {"filter": 'userName eq "ada'}
    with pytest.raises(InvalidFilterException):
        scim.query(
            scim.get_resource_model("User"), query_parameters=asked, check_request_payload=False
        )


def test_pages_hold_everybody_once_in_the_same_order(scim: SyncSCIMClient) -> None:
    for number in range(7):
        person(scim, f"page-{number}")
    model = scim.get_resource_model("User")
    asked = 'externalId sw "external-page-"'
    seen = []
    for start in range(1, 8, 3):
        page = scim.query(
            model,
            query_parameters=SearchRequest(
                filter=asked, start_index=start, count=3, sort_by="userName"
            ),
        )
        assert page.total_results == 7
        assert page.start_index == start
        assert page.items_per_page == len(page.resources) == min(3, 8 - start)
        seen += [user.user_name for user in page.resources]
    assert seen == [f"page-{number}@example.org" for number in range(7)]
    none = scim.query(model, query_parameters=SearchRequest(filter=asked, count=0))
    assert (none.total_results, none.resources or []) == (7, [])


def test_cursors_read_everybody_once(scim: SyncSCIMClient) -> None:
    """RFC 9865, where the service announces it."""
    pagination = getattr(scim.provider.config, "pagination", None)
    assert pagination is not None
    assert pagination.cursor
    people = {person(scim, f"page-{number}").id for number in range(5)}
    model, cursor, seen = scim.get_resource_model("User"), "", []
    while cursor is not None:
        page = scim.query(
            model,
            query_parameters=SearchRequest(
                filter='externalId sw "external-page-"', cursor=cursor, count=2
            ),
        )
        seen += [user.id for user in page.resources or []]
        cursor = page.next_cursor
        assert len(seen) <= 5
    assert sorted(seen) == sorted(people)


def test_projections_leave_what_was_not_asked_for(scim: SyncSCIMClient) -> None:
    person(scim, "ada")
    [only] = found(scim, "User", 'externalId eq "external-ada"', attributes=["userName"])
    assert only.user_name == "ada@example.org"
    assert only.id
    assert (only.display_name, only.emails, only.active) == (None, None, None)
    [without] = found(
        scim, "User", 'externalId eq "external-ada"', excluded_attributes=["emails", "name"]
    )
    assert (without.emails, without.name) == (None, None)
    assert without.display_name == "Ada Suites"


def test_a_search_by_post_finds_across_the_kinds(scim: SyncSCIMClient) -> None:
    ada = person(scim, "ada")
    crew = group(scim, "ada-crew", ada)
    answer = scim.search(SearchRequest(filter='displayName sw "ada"'))
    assert {one.id for one in answer.resources} == {ada.id, crew.id}


def test_a_group_lives_through_create_put_patch_and_delete(scim: SyncSCIMClient) -> None:
    ada, grace, joan = (person(scim, name) for name in ("ada", "grace", "joan"))
    made = group(scim, "crew", ada)
    model = type(made)
    [member] = made.members
    assert (member.value, member.type) == (ada.id, "User")
    assert str(member.ref) == str(ada.meta.location)
    assert [one.value for one in scim.query(type(ada), ada.id).groups] == [made.id]

    changed = change(
        scim,
        made,
        PatchOperation(op="add", path="members", value=[{"value": grace.id}]),
        PatchOperation(op="replace", path="displayName", value="the crew"),
    )
    assert changed.display_name == "the crew"
    assert {one.value for one in changed.members} == {ada.id, grace.id}

    changed = change(scim, made, PatchOperation(op="remove", path=f'members[value eq "{ada.id}"]'))
    assert {one.value for one in changed.members} == {grace.id}

    changed.display_name = "crew again"
    changed.members = [model.Members(value=joan.id, type="User")]
    put = scim.replace(changed)
    assert put.display_name == "crew again"
    assert {one.value for one in put.members} == {joan.id}
    assert [one.id for one in found(scim, "Group", f'members[value eq "{joan.id}"]')] == [made.id]

    scim.delete(model, made.id)
    with pytest.raises(NotFoundException):
        scim.query(model, made.id)
    assert not scim.query(type(joan), joan.id).groups


def test_a_member_that_nobody_knows_is_refused_and_changes_nothing(scim: SyncSCIMClient) -> None:
    ada = person(scim, "ada")
    made = group(scim, "crew", ada)
    unknown = PatchOp[type(made)](
        operations=[
            PatchOperation(op="replace", path="displayName", value="half done"),
            PatchOperation(
                op="add",
                path="members",
                value=[{"value": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}],
            ),
        ]
    )
    with pytest.raises(InvalidValueException):
        scim.modify(type(made), made.id, unknown)
    assert scim.query(type(made), made.id).model_dump() == made.model_dump()


def test_a_stale_version_is_refused(scim: SyncSCIMClient) -> None:
    assert scim.provider.config.etag.supported
    stale = person(scim, "ada")
    assert scim.query(stale) is stale, "an unchanged resource was sent again"
    fresh = scim.query(type(stale), stale.id)
    fresh.title = "Countess"
    fresh = scim.replace(fresh)
    assert fresh.meta.version != stale.meta.version
    stale.title = "Duchess"
    with pytest.raises(PreconditionFailedException):
        scim.replace(stale)
    assert scim.query(type(stale), stale.id).title == "Countess"


def test_a_bulk_request_makes_a_group_of_people_it_makes(scim: SyncSCIMClient) -> None:
    assert scim.provider.config.bulk.supported
    user, crew = scim.get_resource_model("User"), scim.get_resource_model("Group")
    operations = [
        BulkOperation[crew](
            method="POST",
            path="/Groups",
            bulk_id="crew",
            data=crew(
                display_name="bulk crew",
                members=[crew.Members(type="User", value="bulkId:ada")],
            ),
        ),
        BulkOperation[user](
            method="POST",
            path="/Users",
            bulk_id="ada",
            data=user(
                user_name="ada@example.org",
                emails=[user.Emails(value="ada@example.org", primary=True)],
            ),
        ),
    ]
    answer = scim.bulk(BulkRequest[user | crew](operations=operations))
    assert [operation.status for operation in answer.operations] == [201, 201]
    [ada] = found(scim, "User", 'userName eq "ada@example.org"')
    [made] = found(scim, "Group", 'displayName eq "bulk crew"')
    assert [member.value for member in made.members] == [ada.id]


def test_answers_fit_the_standard_s_own_models_as_well(scim: SyncSCIMClient, wire: Client) -> None:
    """Not what the service says of itself but what RFC 7643 says; extensions may be there."""
    ada = person(scim, "ada")
    crew = group(scim, "crew", ada)
    policy = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
    body = wire.get(f"/Users/{ada.id}").json()
    user = User[EnterpriseUser].model_validate(body, scim_policy=policy)
    assert user.user_name == "ada@example.org"
    assert [one.value for one in user.groups] == [crew.id]
    body = wire.get(f"/Groups/{crew.id}").json()
    [member] = Group.model_validate(body, scim_policy=policy).members
    assert isinstance(member, GroupMember)
    assert member.value == ada.id


def test_a_password_is_never_answered(scim: SyncSCIMClient, wire: Client) -> None:
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada@example.org",
        "emails": [{"value": "ada@example.org"}],
        "password": "correct-horse-battery",
    }
    made = wire.post("/Users", json=body)
    assert made.status_code == 201, made.text
    again = wire.get(f"/Users/{made.json()['id']}", params={"attributes": "password"})
    assert "correct-horse" not in made.text + again.text
    assert "password" not in again.json()
