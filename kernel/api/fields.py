"""Fields of representations and bodies that the API has in common."""

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


class Named(serializers.CharField):
    """A text with an example of it for the documentation."""

    def __init__(self, example: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.example = example
