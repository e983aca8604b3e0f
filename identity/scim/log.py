"""The provisioning log: each request with its outcome, noted in memory and written in batches.

An act itself is in the audit log, within its transaction; this is for whoever sets a
connection up or wonders what an identity provider did. Bodies are kept without secrets.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse

from identity.models import APIKey, ProvisioningConnection, ProvisioningEntry
from identity.models.provisioning import ENTRIES_KEPT
from identity.scim.errors import Failure
from kernel.clock import now
from kernel.database import bulk
from kernel.http import origin_of
from kernel.ids import uuid7
from kernel.jobs.models import Job
from kernel.latest import LatestBuffer
from kernel.redact import REDACTED, redact
from orgs.models import Organization, ServiceAccount

_LONGEST_BODY = 8_000
_LONGEST_LIST = 50
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Told:
    """What a request did: the verb, to what, and which attributes became different."""

    verb: str = ""
    kind: str = ""
    id: str = ""
    name: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Who:
    """Whose request it was; `account_id` is a connection's."""

    organization_id: uuid.UUID
    account_id: uuid.UUID | None
    label: str

    @classmethod
    def of(cls, key: APIKey) -> "Who | None":
        """Return who a provisioning token is, or was; None for any other key."""
        account = key.service_account
        if account is None or account.kind != ServiceAccount.Kind.SCIM:
            return None
        return cls(account.organization_id, account.pk, account.name)


def note(
    *,
    who: Who,
    request: HttpRequest,
    raw: bytes,
    response: HttpResponse,
    told: Told,
    failure: Failure | None,
    spent_seconds: float,
) -> None:
    """Note a request that is answered."""
    origin = origin_of(request)
    is_read = request.method in ("GET", "HEAD") and failure is None
    query = request.META.get("QUERY_STRING", "")
    line = {
        "id": uuid7(),
        "organization_id": who.organization_id,
        "connection_id": None,
        "at": now(),
        "caller": who.label[:200],
        "method": str(request.method)[:8],
        "path": request.path[:500],
        "query": str(redact(query))[:2000] if query else "",
        "resource_type": told.kind[:10],
        "resource_id": told.id[:64],
        "resource_name": told.name[:254],
        "action": told.verb[:12],
        "status": response.status_code,
        "scim_type": failure.scim_type if failure else "",
        "detail": (failure.detail if failure else "")[:1000],
        "changes": redact(dict(told.changes)) if told.changes else {},
        "request_body": kept(raw) if raw else "",
        "response_body": "" if is_read else kept(response.content),
        "milliseconds": round(spent_seconds * 1000),
        "ip": origin.ip[:45],
        "user_agent": origin.user_agent[:200],
        "request_id": origin.request_id[:64],
    }
    _lines.note(line["id"], (who.account_id, line))


def kept(raw: bytes) -> str:
    """Return a body as it is kept: indented, without secrets, cut at a length."""
    if not raw.strip():
        return ""
    text = raw.decode("utf-8", "replace").replace("\x00", "�")
    try:
        document = redact(_without_passwords(json.loads(text)))
    except (ValueError, RecursionError):
        # Not what it should be: of what nobody can take apart, no part is safe to keep.
        return f"[{len(raw)} bytes that are no JSON]"
    text = json.dumps(document, ensure_ascii=False, indent=2)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}…"


def _without_passwords(document: Any) -> Any:
    """Return a document without the values of operations whose path is a password.

    Long lists are cut: a group's ten thousand members would take longer to keep than to add.
    """
    if isinstance(document, list):
        kept_ones = [_without_passwords(one) for one in document[:_LONGEST_LIST]]
        rest = len(document) - len(kept_ones)
        return [*kept_ones, f"… and {rest} more"] if rest else kept_ones
    if not isinstance(document, dict):
        return document
    path = next((v for k, v in document.items() if str(k).lower() == "path"), "")
    if "password" in str(path).lower():
        return {
            key: REDACTED if str(key).lower() == "value" else one for key, one in document.items()
        }
    return {
        key: REDACTED if "password" in str(key).lower() else _without_passwords(one)
        for key, one in document.items()
    }


def forget_old(_job: Job) -> None:
    """Delete what is older than 30 days (job)."""
    ProvisioningEntry.objects.system_all().filter(at__lt=now() - ENTRIES_KEPT).delete()


def _write(latest: Mapping[uuid.UUID, tuple[uuid.UUID | None, dict[str, Any]]]) -> None:
    accounts = {account for account, _ in latest.values() if account}
    connections = ProvisioningConnection.objects.system_all().filter(service_account__in=accounts)
    by_account = dict(connections.values_list("service_account_id", "pk"))
    owners = {line["organization_id"] for _, line in latest.values()}
    there = set(Organization.objects.filter(pk__in=owners).values_list("pk", flat=True))
    lines = []
    for account, line in latest.values():
        if line["organization_id"] not in there:
            continue  # It was purged meanwhile, and its log with it.
        if account in by_account:
            line["connection_id"] = by_account[account]
        lines.append(_writable(line))
    for begin in range(0, len(lines), _AT_ONCE):
        bulk.insert(ProvisioningEntry, lines[begin : begin + _AT_ONCE])


def _writable(value: Any) -> Any:
    """Return a value without what no text of a database can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "�")
    if isinstance(value, Mapping):
        return {_writable(str(name)): _writable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(one) for one in value]
    return value


_lines: LatestBuffer[uuid.UUID, tuple[uuid.UUID | None, dict[str, Any]]] = LatestBuffer(_write)
