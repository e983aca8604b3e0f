"""Schemas tell the truth of themselves, and names lead to what they name."""

import pytest

from identity.resources.schema import (
    ENTERPRISE_URN,
    GROUP,
    RESOURCE_TYPES,
    STEWARD_URN,
    USER,
    USER_URN,
)

SCHEMAS = [schema for kind in RESOURCE_TYPES for schema in kind.schemas()]


def every(attributes):
    for attribute in attributes:
        yield attribute
        yield from every(attribute.get("subAttributes", []))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_a_schema_is_of_the_form_of_rfc_7643(schema):
    """RFC 7643 §7: names, types and characteristics."""
    document = schema.document()
    assert document["id"] == schema.urn
    for attribute in every(document["attributes"]):
        assert attribute["type"] in {"string", "boolean", "dateTime", "reference", "complex",
                                     "binary"}  # fmt: skip
        assert attribute["mutability"] in {"readOnly", "readWrite", "immutable", "writeOnly"}
        assert attribute["returned"] in {"always", "never", "default", "request"}
        assert (attribute["type"] == "complex") == ("subAttributes" in attribute)
        assert ("referenceTypes" in attribute) == (attribute["type"] == "reference")
        assert attribute["description"]
        # What is only written is never shown.
        assert (attribute["mutability"] == "writeOnly") == (attribute["returned"] == "never")
    names = [attribute["name"].lower() for attribute in document["attributes"]]
    assert len(names) == len(set(names))


def test_a_resource_type_names_its_schemas():
    document = USER.document("https://x.org/scim/v2/ResourceTypes/User")
    assert (document["id"], document["endpoint"], document["schema"]) == (
        "User", "/Users", USER_URN
    )  # fmt: skip
    assert [one["schema"] for one in document["schemaExtensions"]] == [ENTERPRISE_URN, STEWARD_URN]
    assert document["meta"]["location"].endswith("/User")


@pytest.mark.parametrize(
    ("urn", "name", "sub", "found"),
    [
        (None, "USERNAME", None, (None, "userName", None)),
        (USER_URN.upper(), "name", "FAMILYNAME", (None, "name", "familyName")),
        (None, "meta", "created", (None, "meta", "created")),
        (ENTERPRISE_URN, "manager", "value", (ENTERPRISE_URN, "manager", "value")),
        (None, "modelsSeat", None, (STEWARD_URN, "seat", None)),
    ],
)
def test_a_name_leads_to_its_attribute_in_any_case(urn, name, sub, found):
    target = USER.resolve(urn, name, sub)
    assert (target.urn, target.attribute.name, target.sub and target.sub.name) == found


def test_what_there_is_not_is_not_found():
    assert USER.resolve(None, "nothing") is None
    assert USER.resolve(None, "name", "nothing") is None
    assert USER.resolve("urn:x:2.0:User", "userName") is None
    assert GROUP.resolve(None, "modelsSeat") is None
