"""How a provider is set up here: its steps with our addresses, and what then happens."""

from dataclasses import replace

from identity.console.provisioning_steps import BASE, GUIDES, OWN_BASE, Guide, Step
from identity.models import ProvisioningConnection
from identity.resources.schema import STEWARD_URN


def guide_for(provider: str, bases: tuple[str, str]) -> Guide:
    """Return a provider's guide with the installation's addresses put in."""
    guide = GUIDES.get(provider, GUIDES["other"])
    return replace(guide, steps=[_with_addresses(step, bases) for step in guide.steps])


def _with_addresses(step: Step, bases: tuple[str, str]) -> Step:
    addresses = {BASE: bases[0], OWN_BASE: bases[1]}
    values = [replace(value, text=addresses.get(value.text, value.text)) for value in step.values]
    return replace(step, values=values)


AFTERWARDS: tuple[tuple[str, str], ...] = (
    (
        "Members who are here already",
        "Are matched by their address, keep role, teams and seat, and are managed by the "
        "provider from then on.",
    ),
    (
        "People with an account elsewhere",
        "Are asked by e-mail first, unless their domain is verified as yours. Until then they "
        "await confirmation.",
    ),
    (
        "Roles",
        "Newcomers are members. The provider may say otherwise by the attribute "
        "organizationRole; nobody becomes an owner by it.",
    ),
    (
        "Seats",
        "Newcomers take a full seat unless the provider says so by the attribute seat. Without "
        "a free one they are refused, and the log says so.",
    ),
    (
        "Leavers",
        "Are deactivated: the seat is free and keys and sessions end at once. Nobody’s account "
        "is deleted.",
    ),
    ("Groups", "Become teams. Which team role their people get is said under Groups."),
)

EXTENSION = STEWARD_URN
PROVIDERS = tuple(
    (str(value), str(label)) for value, label in ProvisioningConnection.Provider.choices
)
