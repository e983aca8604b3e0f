"""The forms of provisioning: connect a provider, name a token, map a group."""

from collections.abc import Iterable
from typing import Any

from django import forms

from identity.models import ProvisioningConnection
from orgs.models import Role


class ConnectForm(forms.Form):
    """A provider, and what its connection is called."""

    provider = forms.ChoiceField(
        label="Provider", choices=ProvisioningConnection.Provider, initial="okta"
    )
    name = forms.CharField(
        label="Name",
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="What the log calls it, such as Okta.",
    )


class TokenForm(forms.Form):
    """What a new token is called."""

    name = forms.CharField(
        label="Name",
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Where the token will be kept, such as Okta production.",
    )


class GroupRoleForm(forms.Form):
    """The team role that a group's people have: built-in, or an own one."""

    role = forms.ChoiceField(label="Team role")

    def __init__(
        self,
        *args: Any,
        built_in: Iterable[tuple[str, str]],
        roles: Iterable[Role],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._roles = {role.wire_id: role for role in roles}
        choices: list[Any] = list(built_in)
        if self._roles:
            own = [(wire_id, role.name) for wire_id, role in self._roles.items()]
            choices.append(("Custom roles", own))
        self.fields["role"].choices = choices  # type: ignore[attr-defined]

    def role_fields(self) -> dict[str, Any]:
        """Return the chosen role as the action's `role` and `custom_role`."""
        chosen = self.cleaned_data["role"]
        custom = self._roles.get(chosen)
        return {"role": custom.inherits if custom else chosen, "custom_role": custom}
