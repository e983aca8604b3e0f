"""Events of the audit log as a person reads them: a sentence, a difference, a family."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kernel.events.models import Event
from kernel.wiring import wiring

_FAMILIES = {
    "orgs.organization.": "Organization",
    "orgs.member.": "Members",
    "orgs.invitation.": "Invitations",
    "orgs.request.": "Requests",
    "orgs.team": "Teams",
    "orgs.role.": "Roles",
    "orgs.grant.": "Temporary access",
    "orgs.service_account.": "Service accounts",
    "identity.api_key.": "API keys",
    "orgs.project.": "Projects",
    "orgs.entitlement.": "Seats and limits",
    "orgs.feature.": "Features",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an event: before and after, or a fact that has no before."""

    field: str
    before: str
    after: str
    is_pair: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, told."""

    event: Event
    sentence: str
    changes: list[Change]


def families() -> dict[str, str]:
    """Map the prefixes of event types that the catalogue has to their names for people."""
    known = wiring().events
    return {
        prefix: name
        for prefix, name in _FAMILIES.items()
        if any(kind.startswith(prefix) for kind in known)
    }


def tell(events: Iterable[Event]) -> list[Entry]:
    """Return the events with their sentences."""
    return [Entry(event, sentence(event), changes_of(event)) for event in events]


def sentence(event: Event) -> str:
    """Return the catalogue's sentence of an event, with its names put in."""
    text = wiring().events.get(event.type, "{actor} did " + event.type + " to {target}")
    values = {name: _shown(value) for name, value in event.changes.items()}
    values["actor"] = event.actor_label or "Steward"
    values["target"] = event.target_label or event.target_kind
    return text.format_map(_Known(values))


def changes_of(event: Event) -> list[Change]:
    """Return what an event changed, field by field."""
    found = []
    for name, value in event.changes.items():
        if isinstance(value, list) and len(value) == 2:
            found.append(Change(name, _shown(value[0]), _shown(value[1]), is_pair=True))
        elif value not in (None, ""):
            found.append(Change(name, "", _shown(value), is_pair=False))
    return found


class _Known(dict[str, str]):
    """Leaves a name that an event does not tell as it stands."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(_shown(part) for part in value) or "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
