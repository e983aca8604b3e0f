"""The embedded mailbox: what it shows, and to whom it is closed."""

import pytest

from kernel.mail.models import Mail
from kernel.mail.send import write_rendered
from tests.identity.conftest import person


@pytest.fixture
def mail(db) -> Mail:
    return write_rendered(
        template="orgs/invitation",
        recipient="nora@example.com",
        subject="Join <Lab>",
        text="Join here:\nhttp://testserver/join/abc\n<script>alert(1)</script>",
        html="<p>ignored</p>",
    )


def test_mails_are_listed_newest_first_and_read_with_their_links(open_browser, mail):
    later = write_rendered(
        template="x", recipient="ada@example.com", subject="Later", text="t", html=""
    )
    client = open_browser()

    page = client.get("/outbox").content.decode()
    assert page.index("Later") < page.index("Join &lt;Lab&gt;")
    assert "Join &lt;Lab&gt;" not in client.get("/outbox?to=ada@").content.decode()
    assert "No mail to this address" in client.get("/outbox?to=%00nobody").content.decode()
    letter = client.get(f"/outbox/{mail.wire_id}").content.decode()

    assert 'href="http://testserver/join/abc"' in letter
    assert "<script>alert" not in letter
    assert later.wire_id in page


@pytest.mark.parametrize("path", ["/outbox", "/outbox/{mail}"])
class TestIsClosed:
    """Every refusal is the page of an address that does not exist."""

    def test_where_mail_goes_out(self, open_browser, mail, path, settings):
        settings.STEWARD_MAIL_OUTBOX = False

        answer = open_browser().get(path.format(mail=mail.wire_id))

        assert answer.status_code == 404

    @pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.5", ""])
    def test_to_other_machines(self, open_browser, mail, path, address):
        answer = open_browser().get(path.format(mail=mail.wire_id), REMOTE_ADDR=address)

        assert answer.status_code == 404

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"])
    def test_behind_a_proxy_that_nobody_announced(self, open_browser, mail, path, header):
        answer = open_browser().get(
            path.format(mail=mail.wire_id), headers={header: "203.0.113.9"}
        )

        assert answer.status_code == 404

    def test_through_a_trusted_proxy_to_other_machines(
        self, open_browser, mail, path, settings
    ):
        settings.STEWARD_TRUSTED_PROXIES = 1

        answer = open_browser().get(
            path.format(mail=mail.wire_id), headers={"X-Forwarded-For": "203.0.113.9"}
        )

        assert answer.status_code == 404


def test_an_instance_admin_reads_it_from_anywhere(open_browser, mail):
    ada = person("ada")
    client = open_browser(ada)
    assert client.get("/outbox", REMOTE_ADDR="203.0.113.9").status_code == 404
    ada.is_instance_admin = True
    ada.save(update_fields=["is_instance_admin"])

    assert client.get("/outbox", REMOTE_ADDR="203.0.113.9").status_code == 200


@pytest.mark.parametrize("name", ["nonsense", "mail_00", "mail_" + "0" * 32])
def test_an_unknown_mail_is_absent(open_browser, name):
    assert open_browser().get(f"/outbox/{name}").status_code == 404


def test_a_cursor_of_another_list_is_absent(open_browser):
    assert open_browser().get("/outbox?cursor=nonsense").status_code == 404


def test_pages_point_at_it_only_for_those_who_can_read_it(open_browser, settings):
    path = "/account/password/reset/done/"
    assert b'href="/outbox"' in open_browser().get(path).content
    assert b'href="/outbox"' not in open_browser().get(path, REMOTE_ADDR="203.0.113.9").content
    settings.STEWARD_MAIL_OUTBOX = False
    assert b'href="/outbox"' not in open_browser().get(path).content


def test_the_list_costs_the_same_for_one_and_for_fifty(
    open_browser, mail, django_assert_num_queries
):
    client = open_browser()
    with django_assert_num_queries(1):
        client.get("/outbox")
    for number in range(49):
        write_rendered(
            template="x", recipient=f"{number}@x.example", subject="s", text="t", html=""
        )

    with django_assert_num_queries(1):
        assert client.get("/outbox").content.count(b"to ") >= 50
