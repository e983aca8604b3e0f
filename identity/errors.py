"""What the keys' room refuses, by name."""

from typing import Any

from kernel.errors import Conflict, DomainError


class KeyEnded(Conflict):
    """The key was revoked, has expired or was rotated out; it cannot be changed any more."""

    code = "api_key_ended"
    title = "This key has ended"


class NotUnique(Conflict):
    """A userName, an externalId or a group's name is taken in this organization."""

    code = "not_unique"
    title = "This is taken"


class KeyRefused(DomainError):
    """A credential that proves nobody; `reason` says why, for the wire.

    `key` is the row of the key that it was, where there is one.
    """

    code = "key_unknown"
    title = "The key is not valid"

    def __init__(self, code: str, detail: str, key: Any = None) -> None:
        super().__init__(detail)
        self.reason, self.key = code, key
