"""Move every sealed value to the first key of the ring.

Add a new key in front, run this, remove the old key once nothing remains. The work
can be stopped and started at any time: a blob names its key, so what is done is seen
in the rows. Runs beside live traffic: a row is changed only if it still holds the
blob that was read, so a write that came between is never lost.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connections, models, router, transaction
from django.db.models import CharField, Q
from django.db.models.functions import Left

from kernel.crypto.fields import EncryptedTextField
from kernel.crypto.keyring import Unreadable, keyring

SealedField = EncryptedTextField[Any, Any]


@dataclass(slots=True)
class Rotation:
    """What a rotation did: values moved, values still on another key, and why."""

    rotated: int = 0
    remaining: int = 0
    by_field: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def sealed_fields() -> Iterator[SealedField]:
    """Yield every encrypted field of every installed table."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for column in model._meta.local_concrete_fields:
            if isinstance(column, EncryptedTextField):
                yield column


def count_remaining() -> Rotation:
    """Count the values that are not sealed with the first key, and change nothing."""
    report = Rotation()
    for column in sealed_fields():
        waiting = _waiting(column).count()
        report.by_field[str(column)] = waiting
        report.remaining += waiting
    return report


def rotate_all(
    *, batch_size: int = 1000, on_progress: Callable[[str, int], None] | None = None
) -> Rotation:
    """Seal everything with the first key, in batches of one short transaction each.

    `on_progress` gets the field and how many of its values were moved so far. A value
    that cannot be opened is listed in `failures` and left as it is.
    """
    rotated, failures = 0, list[str]()
    for column in sealed_fields():
        moved = 0
        for count in _rotate_column(column, batch_size, failures):
            moved += count
            if on_progress is not None:
                on_progress(str(column), moved)
        rotated += moved
    report = count_remaining()
    report.rotated, report.failures = rotated, failures
    return report


def _waiting(column: SealedField) -> models.QuerySet[Any]:
    """Return the rows whose blob begins otherwise than those of the first key do.

    `Left` is compared instead of the column, because the field refuses lookups.
    """
    prefix = keyring().current_prefix
    head = Left(column.name, len(prefix), output_field=CharField())
    # ast-grep-ignore: no-way-around-the-tenant - one key seals the rows of all
    rows = column.model._base_manager.annotate(_head=head)
    return rows.filter(Q(**{f"{column.name}__isnull": False}) & ~Q(_head__in=["", prefix]))


def _rotate_column(column: SealedField, batch_size: int, failures: list[str]) -> Iterator[int]:
    last_pk = None
    while True:
        rows = _waiting(column).order_by("pk")
        if last_pk is not None:
            rows = rows.filter(pk__gt=last_pk)
        batch = list(rows.values_list("pk", column.name)[:batch_size])
        if not batch:
            return
        last_pk = batch[-1][0]
        yield _rotate_batch(column, batch, failures)


def _rotate_batch(
    column: SealedField, batch: list[tuple[Any, str]], failures: list[str]
) -> int:
    database = router.db_for_write(column.model)
    connection = connections[database]
    key: Any = column.model._meta.pk
    changes = []
    for pk, blob in batch:
        try:
            renewed = column.seal(column.open(blob, pk), pk)
        except Unreadable as error:
            failures.append(f"{column} of {pk}: {error}")
            continue
        changes.append((renewed, key.get_db_prep_value(pk, connection), str(blob)))
    if not changes:
        return 0
    quote = connection.ops.quote_name
    table, name = quote(column.model._meta.db_table), quote(str(column.column))
    statement = (
        f"UPDATE {table} SET {name} = %s "  # noqa: S608 - our own columns # nosec B608
        f"WHERE {quote(key.column)} = %s AND {name} = %s"
    )
    with transaction.atomic(using=database), connection.cursor() as cursor:
        cursor.executemany(statement, changes)
        return int(cursor.rowcount)
