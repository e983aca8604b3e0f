"""Mail: written in a transaction, sent by its row, the same message at every attempt."""

import datetime as dt
import email
import email.policy
import socket
from copy import deepcopy

import pytest
import time_machine
from aiosmtpd.controller import Controller

from kernel.clock import now
from kernel.events import Target
from kernel.ids import uuid7
from kernel.jobs.models import MAX_ATTEMPTS, Job
from kernel.jobs.run import retry, run
from kernel.mail.models import Mail
from kernel.mail.send import JOB, give_up, send_job, write, write_rendered
from kernel.wiring import JobKind, Wiring

pytestmark = pytest.mark.django_db


class Sink:
    """A mail server that keeps what comes, or answers as it is told."""

    def __init__(self):
        self.messages = []
        self.answers = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.messages.append(
                email.message_from_bytes(envelope.content, policy=email.policy.default)
            )
        return answer

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def sink(settings):
    handler = Sink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.STEWARD_MAIL_OUTBOX = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield handler
    controller.stop()


@pytest.fixture(autouse=True)
def sending(rewire):
    rewire(Wiring(jobs={JOB: JobKind(send_job, transactional=False, died=give_up)}))


def put(**changes):
    parts = {
        "template": "test",
        "recipient": "ada@example.com",
        "subject": "Hello",
        "text": "Text with a link https://x/join/secret",
        "html": "<p>Text</p>",
    }
    return write_rendered(**{**parts, **changes})


def deliver(mail):
    done = run(Job.objects.get(unique_key=f"{JOB}:{mail.pk}").pk)
    mail.refresh_from_db()
    return done


def test_a_mail_arrives_in_two_forms_plain_text_first(sink, settings):
    settings.STEWARD_BASE_URL = "https://steward.example.org"
    mail = put()
    assert deliver(mail)
    (message,) = sink.messages
    assert message["To"] == "ada@example.com"
    assert message["Subject"] == "Hello"
    assert message["Message-ID"] == mail.message_id == f"<{mail.pk.hex}@steward.example.org>"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert (mail.state, mail.error) == ("sent", "")
    assert mail.sent_at is not None


def test_a_mail_without_html_has_one_form(sink):
    deliver(put(html=""))
    assert sink.messages[0].get_content_type() == "text/plain"


def test_what_was_sent_is_not_kept(sink):
    mail = put()
    assert "secret" in mail.text
    deliver(mail)
    assert (mail.text, mail.html) == ("", "")


def test_the_local_outbox_keeps_the_mail_and_sends_nothing(settings):
    settings.STEWARD_MAIL_OUTBOX = True
    settings.EMAIL_BACKEND = "nowhere.Backend"
    mail = put()
    assert deliver(mail)
    assert mail.state == "sent"
    assert "secret" in mail.text


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_no_name_adds_a_header(sink, break_):
    mail = put(subject=f"Join us{break_}Bcc: victim@example.com")
    assert deliver(mail)
    (message,) = sink.messages
    assert message["Bcc"] is None
    assert message["Subject"] == "Join us Bcc: victim@example.com"


def test_no_recipient_adds_a_header(sink):
    mail = put(recipient="ada@example.com\nBcc: victim@example.com")
    assert not deliver(mail)
    assert "Invalid address" in mail.error
    assert sink.messages == []


def test_a_long_subject_is_cut():
    assert len(put(subject="x" * 999).subject) == 150


def test_a_refused_mail_is_tried_again_as_the_same_message(sink):
    sink.answers = ["451 later", "250 OK"]
    mail = put()
    assert not deliver(mail)
    assert mail.state == "queued"
    assert "451" in mail.error
    with time_machine.travel(now() + dt.timedelta(minutes=1)):
        assert deliver(mail)
    assert [m["Message-ID"] for m in sink.messages] == [mail.message_id]
    assert mail.error == ""


def test_an_accepted_mail_whose_answer_was_lost_is_repeated_with_the_same_id(sink):
    mail = put()
    job = Job.objects.get()
    deliver(mail)
    # The worker died between the server's answer and its own note.
    Mail.objects.filter(pk=mail.pk).update(state="queued")
    Job.objects.filter(pk=job.pk).update(state="due")
    assert deliver(mail)
    assert [m["Message-ID"] for m in sink.messages] == [mail.message_id] * 2


def test_a_mail_that_was_sent_is_not_sent_again(sink):
    mail = put()
    deliver(mail)
    Job.objects.update(state="due")
    assert deliver(mail)
    assert len(sink.messages) == 1


def test_after_eight_attempts_a_mail_has_failed_and_can_be_sent_again(sink):
    sink.answers = ["550 no"] * MAX_ATTEMPTS
    mail = put()
    for _ in range(MAX_ATTEMPTS):
        job = Job.objects.get()
        with time_machine.travel(job.due_at + dt.timedelta(seconds=1)):
            assert not deliver(mail)
    job = Job.objects.get()
    assert (job.state, mail.state) == ("dead", "failed")
    assert "550" in mail.error
    retry(job)
    assert deliver(mail)
    assert mail.state == "sent"


def test_a_mail_whose_worker_died_at_every_attempt_has_failed_and_can_be_sent_again(sink):
    mail = put()
    Job.objects.update(
        state="running", attempts=MAX_ATTEMPTS, lease_until=now() - dt.timedelta(seconds=1)
    )
    assert not deliver(mail)
    job = Job.objects.get()
    assert (job.state, mail.state) == ("dead", "failed")
    assert mail.error == job.last_error == "Its worker died at every attempt."
    retry(job)
    assert deliver(mail)
    assert (mail.state, mail.error) == ("sent", "")


def test_a_mail_that_was_sent_stays_sent_when_its_job_dies_after_it(sink):
    """The worker dies after its note and before the row's: eight times over."""
    mail = put()
    deliver(mail)
    Job.objects.update(
        state="running", attempts=MAX_ATTEMPTS, lease_until=now() - dt.timedelta(seconds=1)
    )
    assert not deliver(mail)
    assert (mail.state, mail.error) == ("sent", "")


def test_a_mail_that_was_purged_needs_no_sending(sink):
    mail = put()
    Mail.objects.all().delete()
    assert run(Job.objects.get(unique_key=f"{JOB}:{mail.pk}").pk)
    assert sink.messages == []


def test_a_mail_server_that_is_away_costs_no_mail(settings):
    settings.STEWARD_MAIL_OUTBOX = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    mail = put()
    assert not deliver(mail)
    assert mail.state == "queued"
    assert "ConnectionRefusedError" in mail.error


def test_a_mail_is_rendered_from_its_templates(tmp_path, settings):
    (tmp_path / "email").mkdir()
    for ending, text in {
        "subject.txt": "Hi {{ name|safe }}\n\n",
        "txt": "{{ name|safe }}: {{ base_url }} for {{ recipient }}\n\n",
        "html": "<p>{{ name }}</p>",
    }.items():
        (tmp_path / "email" / f"greeting.{ending}").write_text(text)
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"] = [tmp_path]
    settings.TEMPLATES = templates
    organization = uuid7()
    mail = write(
        template="greeting",
        recipient="ada@example.com",
        context={"name": "<Ada>"},
        organization_id=organization,
        about=Target("invitation", "inv_1"),
    )
    assert mail.subject == "Hi <Ada>"
    assert mail.text == "<Ada>: http://testserver for ada@example.com\n"
    assert mail.html == "<p>&lt;Ada&gt;</p>"
    assert (mail.about_kind, mail.about_id) == ("invitation", "inv_1")
    assert Job.objects.get().organization_id == organization
    assert str(mail) == "greeting to ada@example.com"


@pytest.mark.parametrize("payload", [{}, {"mail": "no id"}, [], 7, "text"])
def test_a_job_whose_payload_cannot_be_read_dies_too(payload):
    put()
    Job.objects.update(
        payload=payload, state="running", attempts=MAX_ATTEMPTS - 1,
        lease_until=now() - dt.timedelta(seconds=1),
    )  # fmt: skip
    assert not run(Job.objects.get().pk)
    assert Job.objects.get().state == "dead"
