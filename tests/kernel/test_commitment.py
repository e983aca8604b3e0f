"""What leaves the house waits for the commit: outside requests and mails refuse before it."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail as django_mail
from django.db import transaction

from kernel.commitment import SentTooEarly, require_committed
from kernel.jobs.models import Job
from kernel.mail.send import send_job, write_rendered
from kernel.outbound import fetch


@pytest.fixture
def far_end():
    """Serve on loopback and keep the paths that were asked for."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments):
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def _queued(settings) -> Job:
    settings.STEWARD_MAIL_OUTBOX = False
    written = write_rendered(
        template="test", recipient="ada@example.com", subject="s", text="t", html=""
    )
    return Job.objects.get(payload={"mail": str(written.pk)})


@pytest.mark.django_db
def test_a_request_within_a_transaction_is_refused_before_anything_is_sent(far_end):
    url, asked = far_end
    with pytest.raises(SentTooEarly, match="An outbound request"), transaction.atomic():
        fetch("GET", f"{url}/within")
    assert fetch("GET", f"{url}/after").status == 204
    assert asked == ["/after"]


@pytest.mark.django_db
def test_a_mail_within_a_transaction_is_refused_and_stays_queued(settings):
    job = _queued(settings)
    with pytest.raises(SentTooEarly, match="A mail"), transaction.atomic():
        send_job(job)
    assert django_mail.outbox == []
    send_job(job)
    assert len(django_mail.outbox) == 1


@pytest.mark.django_db
def test_a_block_within_a_block_is_a_transaction_too():
    with transaction.atomic(), pytest.raises(SentTooEarly), transaction.atomic(savepoint=False):
        require_committed("A probe")


@pytest.mark.django_db(transaction=True)
def test_between_transactions_sending_is_free_and_within_one_it_is_not():
    require_committed("A probe")
    with transaction.atomic(), pytest.raises(SentTooEarly):
        require_committed("A probe")
    require_committed("A probe")


@pytest.mark.django_db(transaction=True)
def test_another_threads_transaction_is_none_of_ours():
    outcome = []

    def probe():
        require_committed("A probe")
        outcome.append("free")

    with transaction.atomic():
        thread = threading.Thread(target=probe)
        thread.start()
        thread.join()
    assert outcome == ["free"]
