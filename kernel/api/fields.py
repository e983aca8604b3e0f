"""Fields of representations and bodies that the API has in common.

Those of bodies take exactly the JSON type that the document names: DRF's own would read
the number 1 as a text and the text "yes" as true.
"""

import uuid
from typing import Any

from drf_spectacular.drainage import set_override
from rest_framework import serializers

from kernel.ids import encode

_EXAMPLE = uuid.UUID("0192f3a4-5b6c-7d8e-9f01-23456789abcd")


class WireId(serializers.Field[uuid.UUID, Any, str, Any]):
    """An id as clients see it: `org_…`. Read-only; `source` names the column of the UUID."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)
        self.prefix = prefix
        set_override(
            self,
            "field",
            {
                "type": "string",
                "pattern": f"^{prefix}_[0-9a-f]{{32}}$",
                "examples": [encode(prefix, _EXAMPLE)],
            },
        )

    def to_representation(self, value: uuid.UUID) -> str:
        """Return the typed id."""
        return encode(self.prefix, value)


class Text(serializers.CharField):
    """A text of a body; a number is not one."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text, trimmed."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Named(Text):
    """A text with an example of it, for the documentation."""

    def __init__(self, example: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.example = example


class Flag(serializers.BooleanField):
    """True or false of a body; `1` and `"yes"` are neither."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the truth value."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A whole number of a body; a text that looks like one is not."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)
