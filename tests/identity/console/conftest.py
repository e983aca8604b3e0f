"""Browsers for the tests of the keys' pages, and the mailbox they look into."""

import re

import pytest
from django.test import Client

from identity.actions import provisioning
from identity.models import ProvisioningConnection, UserSession
from kernel.jobs.sweep import sweep
from kernel.mail.models import Mail
from kernel.principal import PrincipalKind
from orgs.models import ServiceAccount, User
from tests.identity.conftest import as_user

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture(autouse=True)
def _database(db):
    """Every page reads a session."""


@pytest.fixture
def open_browser():
    """Return a browser, signed in as somebody or not."""

    def start(user: User | None = None, agent: str = FIREFOX) -> Client:
        client = Client(headers={"User-Agent": agent})
        if user is not None:
            client.force_login(user)
            # Signing in by the form notes the session and its device.
            UserSession.objects.create(
                user=user,
                session_key=client.session.session_key,
                ip="127.0.0.1",
                user_agent=agent,
            )
        return client

    return start


@pytest.fixture
def mailbox():
    """Return the mails to an address, newest first, after the jobs have run."""

    def read(address: str) -> list[Mail]:
        while sweep():
            pass
        return list(Mail.objects.filter(recipient=address).order_by("-id"))

    return read


def link_in(mail: Mail, path: str) -> str:
    """Return the first link of a mail that leads below a path, without the host."""
    found = re.search(rf"http://testserver({re.escape(path)}\S*)", mail.text)
    assert found, mail.text
    return found.group(1)


def plain(page: bytes) -> str:
    """Return a page without what differs from one request to the next."""
    text = re.sub(r"[0-9a-f]{32}", "ID", page.decode())
    text = re.sub(r'("X-CSRFToken": ")[^"]*', r"\1", text)
    return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", text)


@pytest.fixture
def home(lab) -> str:
    return f"/o/{lab.organization.slug}/provisioning"


@pytest.fixture
def connection(lab) -> ProvisioningConnection:
    return provisioning.connect(
        actor=as_user(lab.owner), organization=lab.organization, name="Okta", provider="okta"
    )


@pytest.fixture
def provider(lab, connection):
    """Return the connection as who acts."""
    account = ServiceAccount.objects.get(pk=connection.service_account_id)
    return as_user(
        lab.owner,
        kind=PrincipalKind.SERVICE_ACCOUNT,
        id=account.pk,
        label=account.name,
        organization_id=lab.organization.pk,
    )
