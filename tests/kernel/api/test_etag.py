"""Versions on the wire."""

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.throwaway")]


@pytest.fixture
def tag(client):
    return client.get("/api/versions")["ETag"]


def test_an_answer_carries_a_strong_tag(tag):
    assert tag.startswith('"3-')


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_caller_has_is_not_sent_again(client, tag, form):
    answer = client.get("/api/versions", headers={"If-None-Match": form.format(tag)})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)


def test_another_version_is_sent(client):
    assert client.get("/api/versions", headers={"If-None-Match": '"2-abc"'}).json() == {"id": 5}


def change(client, given):
    return client.patch(
        "/api/versions", {}, content_type="application/json", headers={"If-Match": given}
    )


@pytest.mark.parametrize(("given", "expected"), [('"3"', 3), ("", None), ("*", None)])
def test_the_named_version_reaches_the_action(client, given, expected):
    assert change(client, given).json() == {"expected": expected}


def test_the_tag_that_was_given_matches(client, tag):
    assert change(client, tag).json() == {"expected": 3}


@pytest.mark.parametrize("given", ['"2"', '"x"', "3", '"3", "4"', '"99999999999"'])
def test_another_version_is_a_lost_update(client, given):
    answer = change(client, given)
    assert (answer.status_code, answer.json()["code"]) == (412, "lost_update")
    assert answer.json()["current_version"] == 3
