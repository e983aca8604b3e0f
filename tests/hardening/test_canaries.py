"""Secrets planted at every door show nowhere: logs, messages, rows, mails, errors, tracebacks."""

import base64
import io
import json
import logging
import logging.config
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from identity.models import APIKey
from kernel.jobs.models import Job
from kernel.jobs.relay import TASK, Relay
from kernel.jobs.run import run
from kernel.jobs.sweep import sweep
from kernel.logs import logging_config
from kernel.mail.models import Mail
from kernel.wiring import JobKind, Wiring
from orgs.models import Invitation
from tests.hardening.people import PASSWORD, person
from tests.kernel.conftest import rewire
from tests.kernel.jobs.conftest import use_broker
from tests.wire.stage import Stage

__all__ = ["rewire", "use_broker"]

pytestmark = pytest.mark.django_db

TYPED = "Canary-typed-password-7391"
CHOSEN = "canary otter lantern violet 88"
DATABASE = "Canary-database-5520"
SMTP = "Canary-smtp-9113"


@pytest.fixture
def log() -> Iterator[dict[str, io.StringIO]]:
    """Write everything that is logged, at the level DEBUG, in both forms."""
    root, before = logging.getLogger(), logging.getLogger().level
    texts, handlers = {}, []
    for form in ("json", "console"):
        settings = logging_config(json=form == "json", level="DEBUG")["formatters"]["structured"]
        configured = logging.config.DictConfigurator({"version": 1})
        texts[form] = io.StringIO()
        handler = logging.StreamHandler(texts[form])
        handler.setFormatter(configured.configure_formatter(settings))
        root.addHandler(handler)
        handlers.append(handler)
    root.setLevel(logging.DEBUG)
    yield texts
    root.setLevel(before)
    for handler in handlers:
        root.removeHandler(handler)


def rows_as_stored() -> str:
    """Return every column of the rows that operators and tools read, as the database has it."""
    tables = {
        "kernel_job", "kernel_event", "kernel_mail", "kernel_idempotencykey",
        "identity_apikey", "orgs_invitation",
    }  # fmt: skip
    told = []
    with connection.cursor() as cursor:
        for table in sorted(tables & set(connection.introspection.table_names(cursor))):
            cursor.execute(f"SELECT * FROM {table}")
            told += [f"{table} {row}" for row in cursor.fetchall()]
    assert len(told) > 20
    return "\n".join(told)


def test_no_secret_shows_anywhere(
    acme: Stage,
    log: dict[str, io.StringIO],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    rewire: Any,
    use_broker: Any,
) -> None:
    secrets: dict[str, str] = {"typed": TYPED, "chosen": CHOSEN, "current": PASSWORD}
    answers: list[Any] = []
    browser = Client(raise_request_exception=False)

    # --- A person signs up, in, resets and changes the password; one form ends in a fault.
    person("olga")
    answers.append(browser.post("/account/login/", {"login": "olga", "password": TYPED}))
    browser.post("/account/login/", {"login": TYPED, "password": TYPED})
    answers.append(browser.post("/account/password/reset/", {"email": "olga@example.com"}))
    while sweep():
        pass
    mailed = Mail.objects.get(template="identity/password_reset_key")
    link = re.search(r"/account/password/reset/key/\S+-([a-z0-9]{6,7}-[0-9a-f]{32})/", mailed.text)
    assert link
    secrets["reset token"] = link[1]
    form = browser.get(link[0], follow=True)
    answers += [form, browser.get(link[0].replace("/key/", "/key/x"))]
    browser.post("/account/login/", {"login": "olga", "password": PASSWORD})
    secrets["session"] = browser.cookies["sessionid"].value
    page = browser.get("/account/").content.decode()
    token = re.search(r'"X-CSRFToken": "(\w{64})"', page)
    assert token
    secrets["csrf"] = token[1]

    def fail_with(text: str) -> Any:
        def fail(*_args: Any, **_kwargs: Any) -> Any:
            raise RuntimeError(f"cannot go on: {text}")

        return fail

    key_of_olga = acme.owner.key
    secrets["key"] = key_of_olga
    monkeypatch.setattr("identity.actions.accounts.set_password", fail_with(f"key {key_of_olga}"))
    broken = browser.post(
        "/account/password/change/",
        {"oldpassword": PASSWORD, "password1": CHOSEN, "password2": CHOSEN},
    )
    assert broken.status_code == 500
    answers.append(broken)

    # --- Keys in every header, right, wrong, and in a fault of the API.
    basic = base64.b64encode(f"olga:{key_of_olga}".encode()).decode()
    secrets["basic"] = basic
    wrong = key_of_olga[:-8] + "AAAAAAAA"
    secrets["wrong key"] = wrong
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("identity.api.me.MeView.patch", fail_with(f"Bearer {key_of_olga}"))
    for headers in (
        {"Authorization": f"Bearer {key_of_olga}"},
        {"Authorization": f"Basic {basic}"},
        {"X-API-Key": key_of_olga},
        {"Authorization": f"Bearer {wrong}"},
        {"Authorization": f"Bearer {TYPED}"},
        {"Authorization": f"Bearer {key_of_olga}", "X-API-Key": key_of_olga},
    ):
        answers.append(client.patch("/api/v1/me", "{}", "application/json", headers=headers))
    assert {answer.status_code for answer in answers[-6:]} == {500, 401}

    # --- A key is made twice under one idempotency key; its value is in the answer alone.
    slug = acme.organization.slug
    made = [
        client.post(
            f"/api/v1/organizations/{slug}/api-keys",
            json.dumps({"name": "ci"}),
            content_type="application/json",
            headers={**acme.owner.headers, "Idempotency-Key": "canary-run-1"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in made] == [201, 201], made[0].content
    secrets["made key"] = re.findall(r"stw_\w{10}_\w{49}", made[0].content.decode())[0]
    assert APIKey.objects.system_of_user(acme.owner.user.pk).filter(name="ci").count() == 1

    # --- An invitation by its link, and jobs that die of exceptions which tell everything.
    invited = Mail.objects.filter(template="orgs/invitation").first()
    assert invited
    found = re.search(r"/join/([A-Za-z0-9]{43,})(?:\?proof=(\w+))?", invited.text)
    assert found
    secrets["invitation"] = found[1]
    answers += [Client().get(f"/join/{found[1]}"), Client().get(f"/join/{found[1]}x")]
    assert Invitation.objects.of(acme.organization).exists()
    database_url = f"postgresql://steward:{DATABASE}@db.example/steward"
    secrets |= {
        "database": DATABASE,
        "smtp": SMTP,
        "encryption": settings.STEWARD_ENCRYPTION_KEYS[0],
    }

    def die(_job: Job) -> None:
        raise ConnectionError(
            f"{database_url} smtp+tls://mailer:{SMTP}@mail.example:587 {key_of_olga} "
            f"Authorization: Basic {basic} https://x.example/?token={found[1]}"
        )

    rewire(Wiring(jobs={"canary.dies": JobKind(die)}))
    made_at = mailed.created_at
    dying = Job.objects.create(kind="canary.dies", due_at=made_at, created_at=made_at)
    while Job.objects.get(pk=dying.pk).state != Job.State.DEAD:
        Job.objects.filter(pk=dying.pk).update(due_at=made_at)
        run(dying.pk)
    assert "ConnectionError" in Job.objects.get(pk=dying.pk).last_error
    secrets["secret key"] = settings.SECRET_KEY
    secrets["pepper"] = settings.STEWARD_KEY_PEPPERS[0]
    answers += [Client().get("/readyz"), Client().get("/healthz"), Client().get("/nothing")]
    out = io.StringIO()
    call_command("jobs", "--dead", stdout=out)

    places = {
        "log as JSON": log["json"].getvalue(),
        "log at a terminal": log["console"].getvalue(),
        "rows": rows_as_stored(),
        "answers": "\n".join(answer.content.decode() for answer in answers),
        "command": out.getvalue(),
        "subjects": "\n".join(f"{m.subject} {m.error}" for m in Mail.objects.all()),
        "messages": "\n".join(_messages(use_broker("memory://"))),
        "other mails": "\n".join(
            m.text + m.html
            for m in Mail.objects.all()
            if m.template not in {"orgs/invitation", "identity/password_reset_key"}
        ),
    }
    assert "cannot go on" in places["log as JSON"], "the faults must have been logged"
    assert "cannot go on" in places["log at a terminal"]
    assert "/account/password/change/" in places["log at a terminal"]
    assert "canary.dies" in places["rows"]
    shown = [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, text in places.items()
        if secret in text
    ]
    assert shown == []


def _messages(app: Any) -> Iterator[str]:
    """Yield what the broker is told about due jobs: every byte of every message."""
    with app.connection_for_read() as broker:
        queue = broker.SimpleQueue("celery")
        queue.clear()
        Job.objects.update(state=Job.State.DUE, published_at=None)
        assert Relay().publish_due() > 5
        for _ in range(queue.qsize()):
            message = queue.get(block=False)
            assert message.headers["task"] == TASK
            yield f"{message.headers} {message.body!r} {message.properties}"
            message.ack()
        queue.close()
