"""The mail by which a forgotten password is replaced, written by a job.

The page that asks for it does the same work for every address: it notes the wish. Who
has the address is looked up afterwards, so that the answer's time tells nothing.
"""

from typing import Any

from allauth.account.forms import ResetPasswordForm, default_token_generator
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import Job
from kernel.mail.send import write

JOB = "identity.mail.password_reset"


class ResetForm(ResetPasswordForm):  # type: ignore[misc] # allauth ships no types
    """allauth's form without its look-up."""

    def clean_email(self) -> str:
        """Take every address."""
        email: str = self.cleaned_data["email"]
        return email.lower()

    def save(self, request: HttpRequest, **_kwargs: Any) -> str:  # noqa: ARG002 - allauth's signature
        """Note that somebody asked."""
        email: str = self.cleaned_data["email"]
        enqueue(JOB, {"email": email})
        return email


def send_link(job: Job) -> None:
    """Write the mail with the link, or the one that says that there is no such account."""
    email = job.payload["email"]
    owners = filter_users_by_email(email, is_active=True, prefer_verified=True, for_login=True)
    for user in owners:
        link = reverse(
            "account_reset_password_from_key",
            kwargs={
                "uidb36": user_pk_to_url_str(user),
                "key": default_token_generator.make_token(user),
            },
        )
        _write("password_reset_key", email, user=user, password_reset_url=_here(link))
    if not owners:
        _write("unknown_account", email, email=email, signup_url=_here(reverse("account_signup")))


def _write(template: str, recipient: str, **context: Any) -> None:
    write(template=f"identity/{template}", recipient=recipient, context=context)


def _here(path: str) -> str:
    return f"{settings.STEWARD_BASE_URL}{path}"
