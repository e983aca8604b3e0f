"""The provisioning log in the console: sentences, filters, differences, advice."""

import re

import pytest

from identity.actions import provisioning
from identity.console.provisioning_advice import advice_for
from identity.console.provisioning_told import SHOWN_IN_A_LIST, changes_of, sentence
from identity.models import ProvisioningEntry
from tests.identity.conftest import as_user
from tests.identity.console.test_provisioning import entry


@pytest.fixture
def log(lab) -> str:
    return f"/o/{lab.organization.slug}/provisioning/log"


def ids_in(page: str) -> list[str]:
    return re.findall(r'<li id="(pen_[0-9a-f]+)"', page)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"action": "created", "resource_name": "ada@x.test"}, "Okta created ada@x.test"),
        (
            {
                "action": "updated",
                "resource_name": "ada@x.test",
                "changes": {"active": [True, False]},
            },
            "Okta deactivated ada@x.test",
        ),
        (
            {
                "action": "updated",
                "resource_name": "ada@x.test",
                "changes": {"active": [False, True]},
            },
            "Okta reactivated ada@x.test",
        ),
        (
            {
                "action": "updated",
                "resource_name": "ada@x.test",
                "changes": {"title": ["", "Dr"]},
            },
            "Okta changed ada@x.test",
        ),
        (
            {"action": "updated", "resource_name": "ada@x.test"},
            "Okta sent ada@x.test again, with nothing new",
        ),
        ({"action": "deleted", "resource_name": "ada@x.test"}, "Okta deleted ada@x.test"),
        ({"action": "read", "resource_name": "ada@x.test"}, "Okta read ada@x.test"),
        ({"action": "read"}, "Okta read a user"),
        (
            {
                "action": "updated",
                "resource_type": "Group",
                "resource_name": "Vision",
                "changes": {"members added": [None, ["ada@x.test"]]},
            },
            "Okta changed the group Vision",
        ),
        (
            {"action": "created", "resource_type": "Role", "resource_name": "Runner"},
            "Okta created the role Runner",
        ),
        ({"action": "matched"}, "Okta looked for users"),
        ({"action": "matched", "resource_type": "Search"}, "Okta looked for resources"),
        ({"action": "listed", "resource_type": "Group"}, "Okta listed groups"),
        (
            {"action": "bulk", "resource_type": "Bulk", "resource_name": "7 operations"},
            "Okta sent 7 operations at once",
        ),
        ({"action": "", "path": "/scim/v2/x"}, "Okta asked GET /scim/v2/x"),
        ({"status": 409, "detail": "Taken."}, "Okta was refused: Taken."),
        ({"status": 404}, "Okta was refused: 404"),
        ({"status": 500, "detail": "Oh."}, "A request of Okta failed here: Oh."),
    ],
)
def test_each_entry_is_one_sentence(fields, told):
    found = ProvisioningEntry(
        **{"method": "GET", "status": 200, "action": "listed", "resource_type": "User", **fields}
    )
    assert sentence(found, "Okta") == told


def test_a_difference_is_told_attribute_by_attribute():
    found = ProvisioningEntry(
        changes={
            "active": [True, False],
            "emails": [[], [{"value": "a@x.test"}]],
            "members added": [None, ["a", "b"]],
            "title": ["", "Dr"],
            "level": [1, 2],
        }
    )
    assert [(one.name, one.before, one.after) for one in changes_of(found)] == [
        ("active", "true", "false"),
        ("emails", "none", '[{"value": "a@x.test"}]'),
        ("members added", "", "a, b"),
        ("title", "", "Dr"),
        ("level", "1", "2"),
    ]


@pytest.mark.parametrize(
    ("status", "scim_type", "detail", "words", "leads_to"),
    [
        (401, "", "", "Make a new one", "identity:provisioning"),
        (403, "", "All 5 full seats of Lab are taken.", "No seat is free", "console:seats"),
        (403, "", "You may not touch an owner.", "owners", "console:members"),
        (403, "", "Not you.", "a policy forbids it", "identity:provisioning"),
        (404, "", "", "gone here", ""),
        (409, "", "Olga is the last owner of Lab", "no owner left", "console:members"),
        (409, "uniqueness", "", "another User’s", "console:members"),
        (409, "", "The team x owns 3 projects.", "still owns", "identity:provisioning_groups"),
        (409, "", "", "stands against it", ""),
        (400, "invalidValue", "", "does not fit", "identity:provisioning_set_up"),
        (400, "invalidFilter", "", "filter", ""),
        (400, "invalidPath", "", "no such attribute", ""),
        (400, "noTarget", "", "full synchronisation", ""),
        (400, "mutability", "", "ours to set", ""),
        (400, "invalidSyntax", "", "not JSON", ""),
        (400, "invalidCursor", "", "begin the", ""),
        (400, "", "", "cannot be understood", ""),
        (405, "", "", "no such act", "identity:provisioning"),
        (412, "", "", "Nothing to do", ""),
        (413, "", "", "smaller parts", ""),
        (429, "", "", "waits and repeats", ""),
        (500, "", "", "our fault", ""),
        (503, "", "", "repeats it by itself", ""),
        (418, "", "", "own log", ""),
    ],
)
def test_each_failure_has_advice(status, scim_type, detail, words, leads_to):
    found = advice_for(ProvisioningEntry(status=status, scim_type=scim_type, detail=detail))
    assert found
    assert words in found.text
    assert found.url_name == leads_to
    assert bool(found.link) == bool(leads_to)


def test_what_did_not_fail_needs_no_advice():
    assert advice_for(ProvisioningEntry(status=201)) is None


def test_an_empty_log_says_what_will_stand_there(open_browser, lab, log):
    assert "Nothing came yet" in open_browser(lab.owner).get(log).content.decode()


def test_an_entry_shows_its_difference_and_what_to_do(open_browser, lab, log, connection):
    changed = entry(
        connection,
        method="PATCH",
        action="updated",
        resource_name="ada@x.test",
        resource_id="scu_1",
        changes={"title": ["Dr", "Prof"]},
        request_body='{"title": "<b>"}',
        milliseconds=17,
        ip="203.0.113.7",
        user_agent="Okta SCIM Client 1.0.0",
        request_id="req-77",
    )
    refused = entry(
        connection, method="POST", status=403, detail="All 5 full seats of Lab are taken."
    )

    page = open_browser(lab.owner).get(log).content.decode()

    assert ids_in(page) == [refused.wire_id, changed.wire_id]
    for text in (
        "<del>Dr</del>",
        "<ins>Prof</ins>",
        "after 17 ms",
        "203.0.113.7",
        "Okta SCIM Client 1.0.0",
        "req-77",
        "&lt;b&gt;",
        "What to do",
        "No seat is free",
        f'href="/o/{lab.organization.slug}/members/seats">Seats</a>',
        f"?entry={changed.wire_id}",
    ):
        assert text in page, text


def test_the_log_is_filtered(open_browser, lab, log, connection):
    other = provisioning.connect(
        actor=as_user(lab.owner), organization=lab.organization, name="Entra", provider="entra"
    )
    user = entry(connection, resource_name="ada@x.test", action="created")
    group = entry(connection, resource_type="Group", path="/scim/v2/Groups")
    bulk = entry(other, resource_type="Bulk", action="bulk", status=413, detail="Too large.")
    client = open_browser(lab.owner)

    def found(query: str) -> list[str]:
        return ids_in(client.get(f"{log}?{query}").content.decode())

    assert found("") == found("kind=nonsense&outcome=nonsense") == [
        bulk.wire_id, group.wire_id, user.wire_id,
    ]  # fmt: skip
    assert found("outcome=failed") == [bulk.wire_id]
    assert found("kind=User") == found("q=ADA@x") == [user.wire_id]
    assert found("kind=Group") == found("q=v2/groups") == [group.wire_id]
    assert found("kind=other") == found("q=too+large") == [bulk.wire_id]
    assert found(f"connection={other.wire_id}") == [bulk.wire_id]
    assert found("q=%00nothing") == []
    page = client.get(f"{log}?q=nothing").content.decode()
    assert "No request matches" in page
    assert "Connection: Entra" in client.get(f"{log}?connection={other.wire_id}").content.decode()
    assert client.get(f"{log}?connection=pco_{'0' * 32}").status_code == 404


def test_the_log_is_paged(open_browser, lab, log, connection):
    rows = [entry(connection).wire_id for _ in range(30)]
    client = open_browser(lab.owner)
    first = client.get(log).content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = client.get(f"{log}{following.group(1)}").content.decode()
    assert ids_in(first) + ids_in(second) == rows[::-1]
    assert client.get(f"{log}?cursor=nonsense").status_code in (400, 422)


def test_an_address_opens_one_entry_with_all_of_it(open_browser, lab, log, connection):
    long = "x" * (SHOWN_IN_A_LIST + 100) + "END"
    one, _other = entry(connection, request_body=long), entry(connection)
    client = open_browser(lab.owner)
    listed = client.get(log).content.decode()
    assert "END" not in listed
    assert "The bodies are longer." in listed

    page = client.get(f"{log}?entry={one.wire_id}").content.decode()

    assert ids_in(page) == [one.wire_id]
    assert "END" in page
    assert '<details class="grow event told" open>' in page


@pytest.mark.parametrize("wire_id", [f"pen_{'0' * 32}", "nonsense"])
def test_an_entry_that_is_gone_says_so(open_browser, lab, log, wire_id):
    answer = open_browser(lab.owner).get(f"{log}?entry={wire_id}")
    assert answer.status_code == 404
    assert "The log keeps 30 days" in answer.content.decode()


def test_entries_of_another_organization_are_not_there(open_browser, lab, log, connection):
    one = entry(connection, resource_name="secret@x.test", action="created")
    client = open_browser(lab.stranger)
    elsewhere = f"/o/{lab.foreign.slug}/provisioning/log"
    assert "secret@x.test" not in client.get(elsewhere).content.decode()
    assert client.get(f"{elsewhere}?entry={one.wire_id}").status_code == 404
    assert client.get(f"{elsewhere}?connection={connection.wire_id}").status_code == 404
