"""What is generated from the code is current, and every error has its page."""

import json
from typing import Any

import jsonschema
import pytest
from django.core.management import CommandError, call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from kernel.api import catalogue
from kernel.api.endpoint import endpoints
from orgs.management.commands import write_docs

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> Any:
    """The OpenAPI document as clients get it."""
    GENERATOR_STATS.reset()
    made = SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS, "the generator warns"
    return json.loads(json.dumps(made, default=str))


def test_generated_pages_are_current() -> None:
    call_command("write_docs", "--check")


def test_a_stale_page_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_docs, "events_page", lambda: "something else")
    with pytest.raises(CommandError, match=r"events\.md"):
        call_command("write_docs", "--check")


def test_every_role_and_permission_is_in_the_matrix() -> None:
    page = write_docs.permissions_page()
    for _, path, _ in endpoints():
        assert path.split("<")[0] in page


@pytest.mark.django_db
@pytest.mark.parametrize("entry", catalogue.errors(), ids=lambda entry: entry.code)
def test_every_error_has_its_page(entry: catalogue.Explained, client: Any) -> None:
    response = client.get(f"/docs/errors/{entry.code}")
    assert response.status_code == 200
    text = response.content.decode()
    assert entry.code in text
    assert entry.meaning
    assert entry.remedy


@pytest.mark.django_db
def test_a_code_that_is_not_there_has_no_page(client: Any) -> None:
    assert client.get("/docs/errors/no-such-code").status_code == 404
    assert "seat_limit_reached" in client.get("/docs/errors").content.decode()


def test_the_document_is_openapi_3_1(document: Any) -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31

    assert document["openapi"].startswith("3.1")
    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)


def test_operations_have_stable_and_unique_ids(document: Any) -> None:
    found = [operation["operationId"] for operation in operations(document)]
    assert len(found) == len(set(found))
    assert {"members_list", "members_create", "members_get", "members_update"} <= set(found)


def test_every_operation_is_documented(document: Any) -> None:
    count = sum(
        hasattr(view, method) for _, _, view in endpoints() for method in METHODS
    )
    found = list(operations(document))
    assert len(found) == count
    for operation in found:
        assert operation["summary"]
        assert operation["tags"]
        assert {"401", "429", "503"} <= set(operation["responses"])


def test_every_problem_names_codes_that_have_a_page(document: Any) -> None:
    known = {entry.code for entry in catalogue.errors()}
    for response in document["components"]["responses"].values():
        codes = [
            line.split("`")[1]
            for line in response["description"].splitlines()
            if line.startswith("- `")
        ]
        assert codes
        assert set(codes) <= known


def operations(document: Any) -> Any:
    for path in document["paths"].values():
        for method in METHODS:
            if method in path:
                yield path[method]
