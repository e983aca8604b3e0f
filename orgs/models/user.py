"""A person's account. What proves the person (addresses, keys, sessions) is `identity`'s."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Upper

from kernel.clock import now
from kernel.tenancy import Identified, Versioned


class UserManager(BaseUserManager["User"]):
    """Finds users; they are made by `orgs.actions.users.create` alone."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of a username, whatever its letter case."""
        return self.get(username__iexact=username or "")


class User(Identified, Versioned, AbstractBaseUser):
    """A person, in no organization or in several.

    `username` repeats the current name of the user's `Entity` row, where the one
    namespace with team names is kept unique. `email` repeats the primary address, in
    lower case.
    """

    wire_prefix = "usr"

    class Theme(models.TextChoices):
        """Which colours the console takes."""

        SYSTEM = "system"
        LIGHT = "light"
        DARK = "dark"

    username = models.CharField(max_length=64, unique=True)
    email = models.EmailField(max_length=254, blank=True)
    display_name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_instance_admin = models.BooleanField(default=False)
    theme = models.CharField(max_length=10, choices=Theme, default=Theme.SYSTEM)
    joined_at = models.DateTimeField(default=now)
    last_active_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        indexes = [
            models.Index(fields=["email"], name="user_by_email"),
            # What `iexact` asks for: sign-in takes names and addresses in any letter case.
            models.Index(Upper("username"), name="user_by_name_in_any_case"),
            models.Index(Upper("email"), name="user_by_email_in_any_case"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def name(self) -> str:
        """Return what to call the person."""
        return self.display_name or self.username

    def save_profile(self, **fields: Any) -> None:
        """Set and save the named fields, and count the change."""
        for field, value in fields.items():
            setattr(self, field, value)
        self.save_change(*fields)
