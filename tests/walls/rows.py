"""All rows of an organization, found through the models: to compare, and to search for.

A model belongs to an organization if it has a field `organization` (or the plain column
`organization_id`); the organization itself and its people's accounts count as well.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model

from identity.models import APIKey
from orgs.models import Membership, Organization, User

VOLATILE = frozenset({"last_active_at", "last_used_at", "last_used_ip", "last_used_agent"})
"""Noted in batches whenever somebody works; no change that anybody asked for."""


def tenant_models() -> list[type[Model]]:
    """Return every model whose rows belong to an organization."""
    found = [
        model
        for model in apps.get_models()
        if any(field.attname == "organization_id" for field in model._meta.concrete_fields)
    ]
    return sorted(found, key=lambda model: model._meta.label)


def rows_of(organization: Organization) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row of an organization with its model's label, in a fixed order."""
    yield from _rows(Organization, pk=organization.pk)
    for model in tenant_models():
        yield from _rows(model, organization_id=organization.pk)
    people = Membership.objects.of(organization).values("user_id")
    yield from _rows(User, pk__in=people)
    yield from _rows(APIKey, user_id__in=people, organization_id=None)


def content(organization: Organization, *, without: Iterable[str] = VOLATILE) -> list[str]:
    """Return the rows as lines of text, without some columns."""
    left_out = frozenset(without)
    return [
        f"{label} " + " ".join(f"{name}={row[name]!r}" for name in sorted(row.keys() - left_out))
        for label, row in rows_of(organization)
    ]


def fingerprint(organization: Organization) -> str:
    """Return a hash of every row: equal as long as nothing of the organization changed."""
    return hashlib.sha256("\n".join(content(organization)).encode()).hexdigest()


def marks_of(organization: Organization) -> frozenset[str]:
    """Return every id of the organization's rows as it could show in an answer."""
    found: set[str] = set()
    for label, row in rows_of(organization):
        key = row.get("id")
        if isinstance(key, uuid.UUID) and not label.startswith("kernel.Job"):
            found |= {key.hex, str(key)}
    return frozenset(found)


def _rows(model: type[Model], **where: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    label = model._meta.label
    for row in model._base_manager.filter(**where).order_by("pk").values():
        yield label, {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value
