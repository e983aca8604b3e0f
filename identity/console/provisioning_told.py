"""The provisioning log as a person reads it: a sentence, a difference, what to do."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from identity.console.provisioning_advice import Advice, advice_for
from identity.models import ProvisioningEntry

SHOWN_IN_A_LIST = 2_000
"""How much of a body stands in a list; the entry's own address shows all that is kept."""

_NAMES = {"User": "a user", "Group": "a group", "Role": "a role"}
_MANY = {"User": "users", "Group": "groups", "Role": "roles"}
_VERBS = {
    "created": "created",
    "updated": "changed",
    "deleted": "deleted",
    "read": "read",
}


@dataclass(frozen=True, slots=True)
class Change:
    """An attribute, before and after."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, told."""

    entry: ProvisioningEntry
    who: str
    sentence: str
    changes: Sequence[Change]
    advice: Advice | None
    request_body: str
    response_body: str
    is_cut: bool

    @property
    def tone(self) -> str:
        """Return the colour of the status."""
        if self.entry.status >= 500:
            return "bad"
        return "warn" if self.entry.has_failed else "ok"


def tell(entries: Iterable[ProvisioningEntry], *, whole: bool = False) -> list[Told]:
    """Return entries with their sentences; `whole` ones with all that is kept of bodies."""
    return [_told(entry, whole=whole) for entry in entries]


def _told(entry: ProvisioningEntry, *, whole: bool) -> Told:
    who = entry.connection.name if entry.connection else entry.caller or "Somebody"
    bodies = (entry.request_body, entry.response_body)
    is_cut = not whole and any(len(body) > SHOWN_IN_A_LIST for body in bodies)
    shown = [body if whole else body[:SHOWN_IN_A_LIST] for body in bodies]
    return Told(
        entry=entry,
        who=who,
        sentence=sentence(entry, who),
        changes=changes_of(entry),
        advice=advice_for(entry),
        request_body=shown[0],
        response_body=shown[1],
        is_cut=is_cut,
    )


def sentence(entry: ProvisioningEntry, who: str) -> str:
    """Return what happened in one sentence."""
    if entry.status >= 500:
        return f"A request of {who} failed here: {entry.detail or entry.status}"
    if entry.has_failed:
        return f"{who} was refused: {entry.detail or entry.status}"
    kind, name = entry.resource_type, entry.resource_name
    what = name or _NAMES.get(kind, kind.lower() or "something")
    match entry.action:
        case "matched":
            return f"{who} looked for {_MANY.get(kind, 'resources')}"
        case "listed":
            return f"{who} listed {_MANY.get(kind, 'resources')}"
        case "bulk":
            return f"{who} sent {what} at once"
        case "updated" if not entry.changes:
            return f"{who} sent {what} again, with nothing new"
        case "updated" if kind == "User":
            return f"{who} {_turned(entry)} {what}"
        case "created" | "updated" | "deleted" | "read":
            subject = what if kind == "User" or not name else f"the {kind.lower()} {what}"
            return f"{who} {_VERBS[entry.action]} {subject}"
        case _:
            return f"{who} asked {entry.method} {entry.path}"


def changes_of(entry: ProvisioningEntry) -> list[Change]:
    """Return what became different, attribute by attribute."""
    found = []
    for name, value in entry.changes.items():
        before, after = value if isinstance(value, list) and len(value) == 2 else (None, value)
        found.append(Change(name, _shown(before), _shown(after)))
    return found


def _turned(entry: ProvisioningEntry) -> str:
    match entry.changes.get("active"):
        case [True, False]:
            return "deactivated"
        case [False, True]:
            return "reactivated"
        case _:
            return "changed"


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value) or "none"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
