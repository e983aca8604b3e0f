"""allauth's sign-up form with our username rules in its help."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from allauth.account.utils import setup_user_email
from allauth.core import context
from django.conf import settings
from django.db import transaction
from django.forms import ValidationError
from django.http import HttpRequest


class SignUpForm(SignupForm):  # type: ignore[misc] # allauth ships no types
    """Address, username, password; the address of a followed invitation is filled in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "username"
        ].help_text = "Letters, digits, '-' and '_'. Usernames and team names share one list."

    def try_save(self, request: HttpRequest) -> Any:
        """Do for a known address all that a new one costs, and undo it.

        Hashing alone is not enough: the rows of an account take as long as half a hash,
        and the time of the answer must not tell the two apart.
        """
        if self.account_already_exists:
            with transaction.atomic():
                made = get_adapter().save_user(request, None, self)
                # A known address would be left out here; any other has its row written.
                made.email = f"{made.username}@example.invalid"
                setup_user_email(request, made, [])
                transaction.set_rollback(True)
        return super().try_save(request)

    def clean_email(self) -> str:
        """Where only the invited may sign up, take the address that was invited alone."""
        email: str = super().clean_email()
        if settings.STEWARD_SIGNUP_OPEN:
            return email
        if email != get_adapter().invited_address(context.request):
            raise ValidationError("Sign up with the address that the invitation was sent to.")
        return email
