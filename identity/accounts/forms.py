"""allauth's sign-up form with our username rules in its help."""

from typing import Any

from allauth.account.forms import SignupForm


class SignUpForm(SignupForm):  # type: ignore[misc] # allauth ships no types
    """Address, username, password; the address of a followed invitation is filled in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = (
            "Letters, digits, '-' and '_'. Usernames and team names share one list."
        )
