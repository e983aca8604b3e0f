"""One id leads from the request to everything that it caused."""

import email
import json
import logging
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from identity.actions import api_keys
from kernel.clock import now
from kernel.events.models import Event
from kernel.jobs.models import Job
from kernel.jobs.run import run
from kernel.jobs.schedule import insert_due_slots
from kernel.jobs.sweep import sweep
from kernel.logs import logging_config
from tests.factories.orgs import OrganizationFactory
from tests.factories.principals import as_user
from tests.operations.installation import free_port

ID = "one-request-0123456789"


class Letterbox:
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        """Take a message."""
        self.messages.append(email.message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def letterbox(settings):
    """A real mail server that the mails of this test go to."""
    box = Letterbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.STEWARD_MAIL_OUTBOX = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield box
    controller.stop()


@pytest.fixture
def log_lines():
    """Return the JSON lines that the logs write, as production does."""
    lines: list[str] = []
    formatter = logging_config(json=True)["formatters"]["structured"]

    class Kept(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler = Kept()
    made = dict(formatter)
    handler.setFormatter(made.pop("()")(**made))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in lines]
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def owner(transactional_db):
    """Return somebody who owns an organization, with a key."""
    organization = OrganizationFactory()
    user = organization.memberships.get(role="owner").user
    key = api_keys.create(
        actor=as_user(user), organization=organization, owner=user, name="trace"
    ).secret
    # What the set-up enqueued is none of the request's.
    Job.objects.all().delete()
    return organization, key


def test_one_id_is_found_in_log_trail_job_and_mail(client, letterbox, log_lines, owner):
    organization, key = owner
    answered = client.post(
        f"/api/v1/organizations/{organization.slug}/invitations",
        json.dumps({"addresses": ["guest@example.com"]}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}", "X-Request-Id": ID},
    )
    assert answered.status_code in (200, 201), answered.content
    assert answered["X-Request-Id"] == ID
    (told,) = Event.objects.of(organization).filter(type="orgs.invitation.created")
    assert told.request_id == ID
    while sweep():
        pass
    kinds = set(Job.objects.filter(request_id=ID).values_list("kind", flat=True))
    # The second was enqueued by the first, not by the request itself.
    assert kinds == {"orgs.mail.invitation", "kernel.mail.send"}
    (message,) = letterbox.messages
    assert message["X-Request-Id"] == ID
    lines = [line for line in log_lines() if line.get("request_id") == ID]
    events = [line["event"] for line in lines]
    assert events.count("request") == 1
    assert events.count("job_done") == 2


@pytest.mark.django_db
def test_a_job_hands_its_id_to_no_other_job():
    moment = now()
    caused = Job.objects.create(
        kind="kernel.jobs.tidy", request_id=ID, due_at=moment, created_at=moment
    )
    assert run(caused.pk)
    insert_due_slots()
    slots = Job.objects.filter(unique_key__startswith="slot:")
    assert slots.exists()
    assert not slots.exclude(request_id=None).exists()
