"""The forms of the keys' room: what was typed, as values for the actions.

Rules about the values are the actions'; here is only what turns text into them.
"""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from django import forms

from identity.actions.key_values import LONGEST_OVERLAP
from kernel.clock import now
from orgs.models import Organization, Role, User
from orgs.permissions import DESCRIPTIONS

LIFETIMES = (
    ("30", "30 days"),
    ("90", "90 days"),
    ("180", "180 days"),
    ("365", "1 year"),
    ("date", "Until a date"),
    ("never", "Never"),
)
OVERLAPS = (
    ("0", "At once"),
    ("3600", "In 1 hour"),
    ("86400", "In 24 hours"),
    ("604800", "In 7 days"),
    ("custom", "In as many hours as I say"),
)
WIDE_SCOPES = (("*.read", "Read everything that the owner can see"),)
_SEPARATORS = re.compile(r"[\s,;]+")


class ProfileForm(forms.Form):
    """What people see of a person, and which colours the person sees."""

    display_name = forms.CharField(
        label="Display name",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text="What others see. Without one they see your username.",
    )
    theme = forms.ChoiceField(label="Theme", choices=User.Theme)
    version = forms.IntegerField(widget=forms.HiddenInput)


class UsernameForm(forms.Form):
    """Another username."""

    username = forms.CharField(
        label="Username",
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=(
            "Letters, digits, '-' and '_'. Usernames and team names share one list. After a "
            "change the old name leads to you for 90 days, and nobody can take it meanwhile."
        ),
    )


class ConfirmationForm(forms.Form):
    """A name typed to show that the act is meant."""

    confirmation = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def __init__(self, *args: Any, wanted: str, what: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wanted, self._what = wanted, what
        self.fields["confirmation"].label = f"Type {what} “{wanted}” to confirm"
        self.fields["confirmation"].widget.attrs["data-confirm"] = wanted

    def clean_confirmation(self) -> str:
        """Refuse everything but the wanted name."""
        typed: str = self.cleaned_data["confirmation"].strip()
        if typed != self._wanted:
            raise forms.ValidationError(f"This is not {self._what}.")
        return typed


class AccountForm(forms.Form):
    """A service account: name, description and role."""

    name = forms.CharField(
        label="Name",
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Letters, digits, '-' and '_', such as nightly-train.",
    )
    description = forms.CharField(label="What it is for", max_length=300, required=False)
    role = forms.ChoiceField(label="Role", initial="member")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, *args: Any, built_in: Iterable[tuple[str, str]], roles: Iterable[Role], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._roles = {role.wire_id: role for role in roles}
        choices: list[Any] = list(built_in)
        if self._roles:
            own = [(wire_id, role.name) for wire_id, role in self._roles.items()]
            choices.append(("Custom roles", own))
        self.fields["role"].choices = choices  # type: ignore[attr-defined]

    def role_fields(self) -> dict[str, Any]:
        """Return the chosen role as the actions' `role` and `custom_role`."""
        chosen = self.cleaned_data["role"]
        custom = self._roles.get(chosen)
        return {"role": custom.inherits if custom else chosen, "custom_role": custom}


class NewAccountForm(AccountForm):
    """A service account that does not exist yet: its team is chosen once and for good."""

    team = forms.CharField(
        label="Team",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"list": "teams", "autocomplete": "off"}),
        help_text="The account belongs to it for good. Empty: the whole organization's.",
    )

    field_order = ["name", "description", "team", "role"]


class KeySettingsForm(forms.Form):
    """What can be changed about a key: its name, its end, from where it works."""

    name = forms.CharField(
        label="Name",
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Where the key will be kept, such as GitHub Actions.",
    )
    lifetime = forms.ChoiceField(label="Expires after", choices=LIFETIMES, initial="90")
    expires_on = forms.DateField(
        label="Date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="For “Until a date”: the key works through that day (UTC).",
    )
    allowed_networks = forms.CharField(
        label="Only from these addresses",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="Addresses or networks such as 203.0.113.0/24. Empty: from everywhere.",
    )

    def clean(self) -> dict[str, Any]:
        """Demand the date where one was announced."""
        data = super().clean() or self.cleaned_data
        if data.get("lifetime") == "date" and not data.get("expires_on"):
            self.add_error("expires_on", "Choose the last day.")
        if data.get("expires_on") == dt.date.max:
            self.add_error("expires_on", "Choose an earlier day.")
        return data

    def expires_at(self) -> dt.datetime | None:
        """Return when the key shall end."""
        lifetime = self.cleaned_data["lifetime"]
        if lifetime == "never":
            return None
        if lifetime == "date":
            day_after = self.cleaned_data["expires_on"] + dt.timedelta(days=1)
            return dt.datetime.combine(day_after, dt.time.min, tzinfo=dt.UTC)
        return now() + dt.timedelta(days=int(lifetime))

    def networks(self) -> list[str]:
        """Return the addresses and networks as they were typed."""
        return [text for text in _SEPARATORS.split(self.cleaned_data["allowed_networks"]) if text]


class EditKeyForm(KeySettingsForm):
    """A living key's settings; its end stays unless another is chosen."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lifetime"].choices = (("keep", "Leave as it is"), *LIFETIMES)  # type: ignore[attr-defined]
        self.fields["lifetime"].initial = "keep"

    def changes(self) -> dict[str, Any]:
        """Return what the action shall change."""
        changes: dict[str, Any] = {
            "name": self.cleaned_data["name"],
            "allowed_networks": self.networks(),
        }
        if self.cleaned_data["lifetime"] != "keep":
            changes["expires_at"] = self.expires_at()
        return changes


class NewKeyForm(KeySettingsForm):
    """A key that does not exist yet."""

    reach = forms.ChoiceField(
        label="What it may do",
        choices=(("all", "All that its owner may do"), ("some", "Only what is chosen below")),
        initial="all",
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes", required=False, widget=forms.CheckboxSelectMultiple
    )
    legacy = forms.BooleanField(
        label="In the old form of 40 characters",
        required=False,
        help_text="Only for clients that refuse longer keys. It is shorter, and scanners for "
        "leaked keys cannot recognise it.",
    )

    field_order = ["name", "lifetime", "expires_on", "reach", "scopes"]

    def __init__(self, *args: Any, platform: Iterable[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        catalogue = [(str(name), words) for name, words in DESCRIPTIONS.items()]
        self.fields["scopes"].choices = [*WIDE_SCOPES, *platform, *catalogue]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Demand a scope where the key was to be narrowed: none would mean all."""
        data = super().clean()
        if data.get("reach") == "some" and not data.get("scopes"):
            self.add_error("scopes", "Choose at least one scope.")
        return data

    def chosen_scopes(self) -> list[str] | None:
        """Return the scopes; None leaves the key as wide as its owner."""
        return self.cleaned_data["scopes"] if self.cleaned_data["reach"] == "some" else None


class NewMachineKeyForm(NewKeyForm):
    """A key of a service account, whose work may be attributed to a member."""

    on_behalf_of = forms.CharField(
        label="On behalf of",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Username of the member whom the work is attributed to. It gives no rights.",
    )


class NewPersonalKeyForm(NewKeyForm):
    """A person's own key, for one of their organizations or for all."""

    organization = forms.ChoiceField(
        label="Where it works",
        required=False,
        help_text="In one organization its admins see the key and can revoke it.",
    )

    field_order = ["name", "organization", *NewKeyForm.field_order[1:]]

    def __init__(self, *args: Any, organizations: Iterable[Organization], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._by_slug = {organization.slug: organization for organization in organizations}
        own = [(slug, organization.name) for slug, organization in self._by_slug.items()]
        self.fields["organization"].choices = [("", "In all my organizations"), *own]  # type: ignore[attr-defined]

    def chosen_organization(self) -> Organization | None:
        """Return the one organization that the key is for, or None."""
        return self._by_slug.get(self.cleaned_data["organization"])


class OverlapForm(forms.Form):
    """How long an old key works beside the one that replaced it."""

    overlap = forms.ChoiceField(
        label="The old key stops", choices=OVERLAPS, initial="86400", widget=forms.RadioSelect
    )
    hours = forms.IntegerField(
        label="Hours",
        required=False,
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()) // 3600,
        help_text=f"For the last choice: at most {LONGEST_OVERLAP.days} days.",
    )

    def clean(self) -> dict[str, Any]:
        """Demand the hours where they were announced."""
        data = super().clean() or self.cleaned_data
        lacking = data.get("overlap") == "custom" and data.get("hours") is None
        if lacking and "hours" not in self.errors:
            self.add_error("hours", "Say how many hours.")
        return data

    def seconds(self) -> int:
        """Return the overlap's length."""
        overlap = self.cleaned_data["overlap"]
        return self.cleaned_data["hours"] * 3600 if overlap == "custom" else int(overlap)
