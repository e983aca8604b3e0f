"""A text column that is sealed at rest.

A value is bound to its place: the associated data is `table|column|primary key`, so
a ciphertext that is copied to another row, column or table does not open there. Two
things follow. The key must be known before the insert, so the model's primary key is
made by us (`kernel.ids.uuid7`), not by the database; a system check sees to it. And a
migration that renames the table or the column has to seal its rows again.

Values are opened when the attribute is read, not when the row is loaded: a row whose
secret nobody asks for costs nothing, and `values()`, dumps and messages hold the blob.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.fields import AutoFieldMixin
from django.db.models.query_utils import DeferredAttribute

from kernel.crypto.keyring import is_sealed, keyring

_ST_contra = TypeVar("_ST_contra", contravariant=True)
_GT_co = TypeVar("_GT_co", covariant=True)

if TYPE_CHECKING:

    class _TextField(models.TextField[_ST_contra, _GT_co]):
        pass

else:

    class _TextField(models.TextField):
        """TextField as mypy's plugin wants it: generic only while types are checked."""

        def __class_getitem__(cls, *_args: Any) -> type:
            return cls

        class Meta:
            abstract = True


class Sealed(str):
    """A blob as it came from the database, not opened yet."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<sealed>"


class _OpenOnRead(DeferredAttribute):
    """Opens a blob at the first read of the attribute and keeps the plain text."""

    field: "EncryptedTextField[Any, Any]"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, Sealed):
            value = self.field.open(value, instance.pk)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(_TextField[_ST_contra, _GT_co]):
    """Text that only this application can read (AES-256-GCM, key ring, bound to its row).

    NULL and the empty string are stored as they are. Lookups other than `isnull` are
    refused: keep a digest in a column of its own to search by. Write through `save()`
    or `bulk_create()`; `update()` and `bulk_update()` know no row and are refused.
    """

    descriptor_class = _OpenOnRead
    description = "Text, sealed at rest"

    def aad(self, pk: Any) -> bytes:
        """Return the associated data of one row's value."""
        return f"{self.model._meta.db_table}|{self.column}|{pk}".encode()

    def seal(self, plaintext: str, pk: Any) -> str:
        """Seal a text for one row."""
        return keyring().encrypt(plaintext.encode(), aad=self.aad(pk))

    def open(self, blob: str, pk: Any) -> str:
        """Open one row's blob."""
        return keyring().decrypt(blob, aad=self.aad(pk)).decode()

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        """Seal the instance's value for its row."""
        held = model_instance.__dict__.get(self.attname)
        if isinstance(held, Sealed) and not add and not keyring().needs_rotation(held):
            return str(held)
        value = getattr(model_instance, self.attname)
        if value is None or value == "":
            return value
        if model_instance.pk is None:
            raise ValueError(f"{self} is bound to its row: set the primary key before saving.")
        return self.seal(str(value), model_instance.pk)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Let only what is sealed through to the database."""
        prepared = super().get_db_prep_save(value, connection)
        if isinstance(prepared, str) and prepared and not is_sealed(prepared):
            raise TypeError(
                f"{self} takes its value through save() or bulk_create(), which know the row."
            )
        return prepared

    def from_db_value(self, value: str | None, *_args: Any) -> str | None:
        """Mark a blob, to be opened when it is read."""
        return Sealed(value) if value else value

    def value_to_string(self, obj: models.Model) -> str:
        """Return the blob, so that a dump holds no secret."""
        value = str(self.value_from_object(obj) or "")
        return self.seal(value, obj.pk) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse to search in what is sealed with a new nonce each time."""
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        return self._refuse(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        """Refuse transforms for the same reason."""
        return self._refuse(lookup_name)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Demand a primary key that is known before the insert."""
        return [*super().check(**kwargs), *self._check_primary_key()]

    def _check_primary_key(self) -> Sequence[CheckMessage]:
        key: Any = self.model._meta.pk
        if isinstance(key, AutoFieldMixin) or key.db_default is not models.NOT_PROVIDED:
            return [
                Error(
                    "An encrypted field needs a primary key that is made before the insert.",
                    hint="Inherit kernel.tenancy.Identified.",
                    obj=self,
                    id="kernel.E001",
                )
            ]
        return []

    def _refuse(self, lookup_name: str) -> NoReturn:
        raise FieldError(f"{self} is sealed and cannot be searched ({lookup_name}).")
