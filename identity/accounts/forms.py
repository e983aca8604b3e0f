"""allauth's sign-up form with our username rules in its help."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from allauth.core import context
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.forms import ValidationError
from django.http import HttpRequest


class SignUpForm(SignupForm):  # type: ignore[misc] # allauth ships no types
    """Address, username, password; the address of a followed invitation is filled in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = (
            "Letters, digits, '-' and '_'. Usernames and team names share one list."
        )

    def try_save(self, request: HttpRequest) -> Any:
        """Spend on a known address what a new one costs: the time must not tell them apart."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)

    def clean_email(self) -> str:
        """Where only the invited may sign up, take the address that was invited alone."""
        email: str = super().clean_email()
        if settings.STEWARD_SIGNUP_OPEN:
            return email
        if email != get_adapter().invited_address(context.request):
            raise ValidationError("Sign up with the address that the invitation was sent to.")
        return email
