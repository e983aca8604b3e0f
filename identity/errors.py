"""What the keys' room refuses, by name."""

from kernel.errors import Conflict, DomainError


class KeyEnded(Conflict):
    """The key was revoked, has expired or was rotated out; it cannot be changed any more."""

    code = "api_key_ended"
    title = "This key has ended"


class KeyRefused(DomainError):
    """A credential that proves nobody; `code` on the instance says why, for the wire."""

    code = "key_unknown"
    title = "The key is not valid"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = code
