"""A JSON object kept as the text that is answered."""

import json
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import models

if TYPE_CHECKING:

    class _Text(models.TextField[Any, Any]):
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any
else:
    _Text = models.TextField

_encode = msgspec.json.Encoder().encode


class DocumentField(_Text):
    """A JSON object as compact text, in the order in which it was given.

    Lists answer a hundred documents as they lie here. In a column of the database's own JSON
    type each would be written out anew for every answer.
    """

    def from_db_value(self, value: str | None, *_about: Any) -> Any:
        """Return the object that the text holds."""
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Return the text to keep."""
        return None if value is None else _encode(value).decode()
