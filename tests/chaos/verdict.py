"""The verdict: what the ledger says was acknowledged against what is in the database.

lost = acked - present; doubled = more effects than one; ghosts = present - (acked + unknown).
Unknown operations may have happened or not, but never twice.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.house import House, wait_until
from tests.chaos.ledger import Operation, Outcome, read

EVENTS = {
    "invite": "orgs.invitation.created",
    "team": "orgs.team.created",
    "project": "orgs.project.created",
    "key": "identity.api_key.created",
    "revoke": "identity.api_key.revoked",
    "place": "orgs.team_member.added",
    "displace": "orgs.team_member.removed",
}
"""The event that each kind of operation causes once."""

_ROWS = {
    "invite": "SELECT split_part(email, '@', 1) FROM orgs_invitation WHERE email LIKE %s",
    "team": "SELECT name FROM orgs_team WHERE name LIKE %s",
    "project": "SELECT name FROM orgs_project WHERE name LIKE %s",
    "key": "SELECT name FROM identity_apikey WHERE name LIKE %s",
}
"""The rows whose names hold the operation's id, for the kinds that make one."""


@dataclass(slots=True)
class Verdict:
    """What the comparison found; `notes` holds broken invariants and the like."""

    acked: int = 0
    refused: int = 0
    unknown: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    mails_again: int = 0
    """Messages that the mail server saw more than once, under the same Message-ID."""
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled or from nowhere, and every invariant holds."""
        return not (self.lost or self.doubled or self.ghosts or self.notes)


def quiesce(house: House, *, seconds: float = 30, web: bool = True) -> None:
    """Wait until the service answers as ready and no job waits or runs; fail after a while."""
    if web:
        wait_until("the service is ready", lambda: house.ready()[0] == 200, seconds=seconds)
    wait_until("every row is done", lambda: house.unfinished() == 0, seconds=seconds)


def judge(
    house: House,
    ledger: Path,
    *,
    mails: bool = True,
    invariants: bool = True,
    present: Callable[[House, str], Counter[str]] | None = None,
) -> Verdict:
    """Compare a ledger with the installation; call it after `quiesce`.

    `present` counts the effects by operation id for ledgers whose kinds are not of the load
    generator; it is given the prefix of the ids. Without `mails` invitations' mails are not
    looked at, without `invariants` the two commands that check the whole database are not run.
    """
    operations = read(ledger)
    verdict = Verdict()
    for operation in operations.values():
        name = operation.outcome.value
        setattr(verdict, name, getattr(verdict, name) + 1)
    if operations:
        prefix = next(iter(operations)).rsplit("-", 1)[0]
        effects = [present(house, prefix)] if present else _effects(house, prefix)
        for counted in effects:
            _compare(verdict, operations, counted)
        if not present:
            _rows(house, prefix, operations, verdict)
    if mails and not present:
        _mails(house, operations.values(), verdict)
    if invariants:
        _invariants(house, verdict)
    return verdict


def _effects(house: House, prefix: str) -> list[Counter[str]]:
    """Count the events by the request that caused them."""
    found = house.ask(
        "SELECT request_id, count(*) FROM kernel_event WHERE request_id LIKE %s AND type = ANY(%s) "
        "AND (type <> 'orgs.team_member.added' OR request_id NOT IN (SELECT request_id "
        "FROM kernel_event WHERE type = 'orgs.team.created')) GROUP BY request_id",
        [f"{prefix}-%", list(EVENTS.values())],
    )
    return [Counter(dict(found))]


def _compare(
    verdict: Verdict, operations: dict[str, Operation], present: Counter[str]
) -> None:
    acked = {id_ for id_, one in operations.items() if one.outcome == Outcome.ACKED}
    refused = {id_ for id_, one in operations.items() if one.outcome == Outcome.REFUSED}
    verdict.lost += sorted(acked - set(present))
    verdict.doubled += sorted(id_ for id_, count in present.items() if count > 1)
    verdict.ghosts += sorted(id_ for id_ in present if id_ not in operations or id_ in refused)


def _rows(
    house: House, prefix: str, operations: dict[str, Operation], verdict: Verdict
) -> None:
    """Compare the rows with the ledger as well: an event without its row is a lie."""
    for kind, statement in _ROWS.items():
        of_kind = {id_: one for id_, one in operations.items() if one.kind == kind}
        rows = Counter(str(row[0]) for row in house.ask(statement, [f"{prefix}-%"]))
        part = Verdict()
        _compare(part, of_kind, rows)
        verdict.lost += [f"{id_} (row)" for id_ in part.lost if id_ not in verdict.lost]
        verdict.doubled += [f"{id_} (rows)" for id_ in part.doubled if id_ not in verdict.doubled]
        verdict.ghosts += [f"{id_} (row)" for id_ in part.ghosts if id_ not in verdict.ghosts]
    alive = {row[0] for row in house.ask(
        "SELECT id::text FROM identity_apikey WHERE revoked_at IS NULL"
    )}  # fmt: skip
    places = {tuple(row) for row in house.ask(
        "SELECT team.name, place.membership_id::text FROM orgs_teammembership place "
        "JOIN orgs_team team ON team.id = place.team_id WHERE team.name LIKE %s", [f"{prefix}-%"]
    )}  # fmt: skip
    left = {
        (one.arguments["team"], one.arguments["member"])
        for one in operations.values()
        if one.kind == "displace" and one.outcome != Outcome.REFUSED
    }
    for one in operations.values():
        if one.outcome != Outcome.ACKED:
            continue
        given = one.arguments
        if one.kind == "revoke" and _uuid(given["key"]) in alive:
            verdict.lost.append(f"{one.id} (the key is alive)")
        if one.kind in ("place", "displace"):
            pair = (given["team"], given["member"])
            stands = (given["team"], _uuid(given["member"])) in places
            if one.kind == "displace" and stands:
                verdict.lost.append(f"{one.id} (still in the team)")
            if one.kind == "place" and not stands and pair not in left:
                verdict.lost.append(f"{one.id} (not in the team)")


def _mails(house: House, operations: Any, verdict: Verdict) -> None:
    """Each invitation has one mail row, and the mail server saw its message."""
    invited = {one.id: one for one in operations if one.kind == "invite"}
    if not invited:
        return
    prefix = next(iter(invited)).rsplit("-", 1)[0]
    rows = house.ask(
        "SELECT split_part(recipient, '@', 1), message_id, state FROM kernel_mail "
        "WHERE recipient LIKE %s",
        [f"{prefix}-%"],
    )
    written = Counter(row[0] for row in rows)
    for id_, operation in invited.items():
        if operation.outcome == Outcome.ACKED and not written[id_]:
            verdict.lost.append(f"{id_} (no mail row)")
    verdict.doubled += [f"{id_} (mail rows)" for id_, count in written.items() if count > 1]
    verdict.ghosts += [
        f"{id_} (mail)" for id_ in written
        if id_ not in invited or invited[id_].outcome == Outcome.REFUSED
    ]
    seen = Counter(house.sink.received)
    for id_, message_id, state in rows:
        if state != "sent" or not seen[message_id]:
            verdict.lost.append(f"{id_} (mail {state}, seen {seen[message_id]} times)")
        verdict.mails_again += max(0, seen[message_id] - 1)


def _invariants(house: House, verdict: Verdict) -> None:
    for command in (["check_invariants"], ["verify_audit_log"]):
        try:
            house.manage(*command)
        except AssertionError as broken:
            verdict.notes.append(f"{command[0]}: {str(broken).strip()[-600:]}")


def _uuid(wire_id: str) -> str:
    """Return the database's form of an id on the wire."""
    plain = wire_id.rsplit("_", 1)[1]
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return a percentile of a list of durations; 0 of none."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
