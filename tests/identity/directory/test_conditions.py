"""SQL decides a filter as the naive reading of RFC 7644 does, on whichever database runs."""

import os

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.actions import directory
from identity.directory.conditions import GROUPS, USERS, condition
from identity.models import SCIMEmail, SCIMGroup, SCIMText, SCIMUser
from identity.resources.folding import folded
from identity.resources.grammar import parse_filter
from identity.resources.refusals import InvalidFilter, Refusal
from identity.resources.schema import ENTERPRISE_URN, STEWARD_URN, USER, USER_URN
from orgs.actions import teams
from tests.database import as_owner
from tests.factories import OPERATOR, OrganizationFactory
from tests.identity.resources import filters
from tests.worlds import acme

EXAMPLES = int(os.environ.get("STEWARD_SCIM_EXAMPLES", "60"))
_APART = ("userName", "externalId", "active")


def stored(organization, resource):
    """Store a resource as a User of the organization, without a membership."""
    document = {key: value for key, value in resource.items() if key not in _APART}
    return SCIMUser(
        organization=organization,
        user_name=resource["userName"],
        user_name_key=resource["userName"].casefold(),
        external_id=resource.get("externalId", ""),
        is_active=resource["active"],
        resource=document,
        search=folded(document, USER),
    )


def keep(rows):
    """Keep Users, each with its place in the list."""
    SCIMUser.objects.bulk_create(rows)
    SCIMText.objects.bulk_create(
        SCIMText(organization_id=row.organization_id, user=row) for row in rows
    )


def distinct(resources):
    """Leave out what the database's own constraints would refuse, and what is empty there."""
    kept, names, ids = [], set(), set()
    for resource in resources:
        name, external = resource["userName"].casefold(), resource.get("externalId")
        if not name or name in names or (external and external in ids) or external == "":
            continue
        names.add(name)
        ids.add(external)
        kept.append(resource)
    return kept


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    resources=st.lists(filters.resource, min_size=1, max_size=8).map(distinct).filter(bool),
    texts=st.lists(filters.filters, min_size=1, max_size=12),
)
def test_sql_finds_what_the_naive_reading_finds(organization, resources, texts):
    SCIMUser.objects.of(organization).delete()
    rows = [stored(organization, resource) for resource in resources]
    keep(rows)
    SCIMEmail.objects.bulk_create(
        SCIMEmail(organization=organization, user=row, value_key=value)
        for row in rows
        for value in directory.addresses_in(row.search)
    )
    for text in texts:
        found = SCIMUser.objects.of(organization).filter(condition(text, USERS))
        expected = {
            row.pk
            for row, resource in zip(rows, resources, strict=True)
            if filters.expected(parse_filter(text), resource)
        }
        assert set(found.values_list("pk", flat=True)) == expected, text


@pytest.fixture
def organization(db):
    return OrganizationFactory(name="Filters", slug="filters")


noise = st.text(
    alphabet=st.sampled_from(list('abemilsuserNm.[]()"\\ \t\x00é:=eqcoandorpt019-${}%\'')),
    max_size=40,
)


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES * 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    text=noise
    | st.builds(
        "{} {} {}".format,
        st.sampled_from(
            ["userName", "id", "meta.created", "meta.location", "active", "groups", "members",
             "name", "schemas", "password", "emails[type", f"{STEWARD_URN}:seat", "meta", "x.y"]
        ),
        st.sampled_from(["eq", "NE", "co", "gt", "pr", "in", "ew"]),
        st.sampled_from(
            ['"a"', "true", "null", "1", '"2026-01-01T00:00:00Z"', '"\\u0000"', '"\\ud800"', ""]
        ),
    ),
    columns=st.sampled_from([USERS, GROUPS]),
)  # fmt: skip
def test_whatever_is_written_is_a_filter_or_refused_as_one(organization, text, columns):
    model = SCIMUser if columns is USERS else SCIMGroup
    refusal = ""
    try:
        list(model.objects.of(organization).filter(condition(text, columns))[:1])
    except Refusal as refused:
        refusal = refused.scim_type
    assert refusal in ("", "invalidFilter")


@pytest.fixture
def world(db):
    world = acme()
    directory.opened(world.organization)
    return world


def names(world, text):
    rows = SCIMUser.objects.of(world.organization).filter(condition(text, USERS))
    return sorted(row.user_name.partition("@")[0] for row in rows)


def test_what_the_membership_says_can_be_asked_for(world):
    role = f"{STEWARD_URN}:organizationRole"
    assert names(world, f'{role} eq "Owner"') == ["acme-owner"]
    assert names(world, f'organizationRole eq "viewer" and {STEWARD_URN}:seat eq "viewer"') == [
        "acme-viewer"
    ]
    everybody = SCIMUser.objects.of(world.organization).count()
    assert len(names(world, f'{STEWARD_URN}:status eq "active"')) == everybody
    assert names(world, f"{STEWARD_URN} pr and meta pr and groups[type eq \"direct\"]") == [
        "acme-team-admin", "acme-team-member", "acme-team-viewer",
    ]  # fmt: skip


def test_groups_are_found_by_their_people_and_people_by_their_groups(world):
    group = SCIMGroup.objects.of(world.organization).get(team=world.team)
    assert names(world, f'groups eq "{group.wire_id}"') == [
        "acme-team-admin", "acme-team-member", "acme-team-viewer",
    ]  # fmt: skip
    inside = SCIMUser.objects.of(world.organization).get(membership=world.team_member.member)
    outside = SCIMUser.objects.of(world.organization).get(membership=world.member.member)
    teams.create(actor=OPERATOR, organization=world.organization, name="acme-empty")

    def found(text):
        rows = SCIMGroup.objects.of(world.organization).filter(condition(text, GROUPS))
        return sorted(row.display_name for row in rows)

    assert found(f'id eq "{group.wire_id}" and members eq "{inside.wire_id}"') == ["acme-team"]
    assert found(f'members[value eq "{inside.wire_id}"]') == ["acme-team"]
    assert found(f'members.value eq "{outside.wire_id}"') == []
    assert found(f'members[value eq "{inside.wire_id}" and type eq "User"]') == ["acme-team"]
    assert found(f'members[value eq "{inside.wire_id}" and type eq "Group"]') == []
    assert found(f'members eq "{inside.pk}"') == found('members eq "nobody"') == []
    assert found(f'not (members eq "{inside.wire_id}")') == ["acme-empty"]
    assert found("members pr") == ["acme-team"]
    assert found("not (members pr)") == ["acme-empty"]


def test_ids_and_schemas_and_times_are_compared_as_they_are_shown(world):
    row = SCIMUser.objects.of(world.organization).order_by("pk").first()
    everybody = SCIMUser.objects.of(world.organization).count()
    assert names(world, f'id eq "{row.wire_id}"') == [row.user_name.partition("@")[0]]
    assert names(world, f'id eq "{row.pk}"') == []
    assert len(names(world, f'id ne "{row.wire_id}"')) == everybody - 1
    assert len(names(world, 'id sw "scu_"')) == everybody
    assert len(names(world, f'schemas eq "{USER_URN}"')) == everybody
    assert names(world, f'schemas eq "{ENTERPRISE_URN}"') == []
    shown = row.created_at.isoformat()
    assert row.user_name.partition("@")[0] in names(world, f'meta.created eq "{shown}"')
    assert len(names(world, f'meta.lastModified ge "{shown}"')) == everybody


@pytest.mark.parametrize(
    "text",
    ["meta.location pr", 'meta.version eq "1"', 'groups.$ref eq "x"', "password pr", 'x eq "1"'],
)
def test_what_nothing_can_be_found_by_is_refused_by_name(world, text):
    with pytest.raises(InvalidFilter):
        names(world, text)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ('userName eq "a@b.c"', "scim_user_name_is_unique"),
        ('externalId eq "00u"', "scim_user_external_id_is_unique"),
        ('emails.value eq "a@b.c"', "scim_email_by_value"),
        ('emails[type eq "work" and value eq "a@b.c"]', "scim_email_by_value"),
    ],
)
@pytest.mark.postgresql
@pytest.mark.spoils("too many rows to ask in a transaction: the plan is of before")
def test_what_identity_providers_match_by_is_found_by_an_index(organization, text, index):
    rows = [
        stored(organization, {"userName": f"u{n}@b.c", "externalId": f"x{n}", "active": True})
        for n in range(3000)
    ]
    keep(rows)
    SCIMEmail.objects.bulk_create(
        SCIMEmail(organization=organization, user=row, value_key=row.user_name) for row in rows
    )
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE identity_scimuser, identity_scimemail")
    found = SCIMUser.objects.of(organization).filter(condition(text, USERS))
    assert index in found.explain()
