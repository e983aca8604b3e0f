"""Write mails and send them."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from kernel.clock import now
from kernel.commitment import require_committed
from kernel.database.scope import for_rows_of
from kernel.events.record import Target
from kernel.jobs.enqueue import enqueue as enqueue_job
from kernel.jobs.models import Job
from kernel.mail.models import Mail

JOB = "kernel.mail.send"
_SUBJECT_LIMIT = 150


def write(
    *,
    template: str,
    recipient: str,
    context: Mapping[str, Any],
    organization_id: uuid.UUID | None = None,
    about: Target | None = None,
) -> Mail:
    """Render `email/<template>.{subject.txt,txt,html}` and queue it, in one transaction."""
    full = {"base_url": settings.STEWARD_BASE_URL, "recipient": recipient, **context}
    return write_rendered(
        template=template,
        recipient=recipient,
        subject=render_to_string(f"email/{template}.subject.txt", full),
        text=render_to_string(f"email/{template}.txt", full),
        html=render_to_string(f"email/{template}.html", full),
        organization_id=organization_id,
        about=about,
    )


def write_rendered(
    *,
    template: str,
    recipient: str,
    subject: str,
    text: str,
    html: str,
    organization_id: uuid.UUID | None = None,
    about: Target | None = None,
) -> Mail:
    """Queue a message whose parts are given.

    The subject is folded to one line, so that no name can add a header.
    """
    mail = Mail(
        organization_id=organization_id,
        template=template,
        recipient=recipient,
        subject=" ".join(subject.split())[:_SUBJECT_LIMIT],
        text=text.strip() + "\n",
        html=html,
        about_kind=about.kind if about else "",
        about_id=about.id if about else "",
        created_at=now(),
    )
    host = urlsplit(settings.STEWARD_BASE_URL).hostname or "steward.invalid"
    mail.message_id = f"<{mail.pk.hex}@{host}>"
    with transaction.atomic(), for_rows_of(organization_id):
        mail.save(force_insert=True)
        enqueue_job(
            JOB,
            {"mail": str(mail.pk)},
            organization_id=organization_id,
            unique_key=f"{JOB}:{mail.pk}",
        )
    return mail


def send_job(job: Job) -> None:
    """Hand one mail to the mail server, or leave it in the local outbox.

    The Message-ID is fixed when the mail is written: a server that saw the message
    before the answer was lost can tell the repetition.
    """
    require_committed("A mail")
    own = Mail.objects.filter(organization_id=job.organization_id)
    mail = own.filter(pk=uuid.UUID(job.payload["mail"])).first()
    if mail is None or mail.state == Mail.State.SENT:
        return
    if not settings.STEWARD_MAIL_OUTBOX:
        message = EmailMultiAlternatives(
            subject=mail.subject,
            body=mail.text,
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[mail.recipient],
            headers={
                "Message-ID": mail.message_id,
                **({"X-Request-Id": job.request_id} if job.request_id else {}),
            },
        )
        if mail.html:
            message.attach_alternative(mail.html, "text/html")
        try:
            message.send()
        except Exception as error:
            mail.error = f"{type(error).__name__}: {error}"[:500]
            mail.save(update_fields=["error"])
            raise
        mail.text = mail.html = ""
    mail.state, mail.sent_at, mail.error = Mail.State.SENT, now(), ""
    mail.save(update_fields=["state", "sent_at", "error", "text", "html"])


def give_up(job: Job) -> None:
    """Show a mail as undelivered once its job is dead, whatever killed it.

    A server's refusal was noted by then; workers that died at every attempt noted nothing.
    """
    unsent = Mail.objects.filter(pk=uuid.UUID(job.payload["mail"]), state=Mail.State.QUEUED)
    unsent.filter(error="").update(error="Its worker died at every attempt.")
    unsent.update(state=Mail.State.FAILED)
