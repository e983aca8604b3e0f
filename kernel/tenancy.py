"""Tenant scoping by construction: rows are read through `.of(organization)`.

Reads that cross organizations are methods named `system_…` that say why.
A house rule (dev/rules) refuses `.objects.filter|get|all` on tenant models
outside of migrations and tests.
"""

import uuid
from collections.abc import Collection
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models.base import ModelState

from kernel.errors import Missing, Stale
from kernel.ids import decode, encode, uuid7

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M]):
    """A queryset of rows that belong to an organization."""

    def of(self, organization: Any) -> Self:
        """Return the rows of one organization (an Organization or its id)."""
        return self.filter(organization_id=getattr(organization, "pk", organization))

    def system_all(self) -> Self:
        """Return rows of every organization: for checks and clean-up jobs only."""
        return self.all()

    def pick(self, wire_id: str) -> M:
        """Return the row with this wire id, or raise `Missing`.

        Call it after `.of(organization)`, so that a stranger's id is missing.
        """
        prefix = getattr(self.model, "wire_prefix", "")
        row = self.filter(pk=decode(prefix, wire_id)).first()
        if row is None:
            raise Missing
        return row


class Identified(models.Model):
    """A row with a UUIDv7 key and a typed id on the wire."""

    wire_prefix = "obj"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def from_db(  # type: ignore[override] # the stubs know a parameter of a later Django
        cls, db: str | None, field_names: Collection[str], values: Collection[Any]
    ) -> Self:
        """Make an instance of a row without `__init__`, which for lists costs more than the query.

        What it leaves out is the signals of initialisation and the search through keyword
        arguments; a field that was not loaded is absent, which is how Django defers it.
        """
        made = cls.__new__(cls)
        made.__dict__.update(zip(field_names, values, strict=True))
        made._state = ModelState()
        made._state.adding = False
        made._state.db = db
        return made

    @property
    def wire_id(self) -> str:
        """Return the id as clients see it."""
        pk: uuid.UUID = self.pk
        return encode(self.wire_prefix, pk)


class Versioned(models.Model):
    """A row with a counter of its changes: what `ETag` and `If-Match` compare."""

    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True

    def require_version(self, expected: int | None) -> None:
        """Raise `Stale` if the row changed since the caller read it.

        Call it on a row that is locked, or the answer may be old at once.
        """
        if expected is not None and expected != self.version:
            raise Stale(
                "Somebody changed this after you read it. Look at it again, then repeat.",
                current_version=self.version,
            )

    def save_change(self, *fields: str) -> None:
        """Save the named fields and count the change."""
        self.version += 1
        self.save(update_fields=[*fields, "version"])
