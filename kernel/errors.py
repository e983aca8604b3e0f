"""Domain errors: what went wrong, why, and what to do, in words a person uses.

No HTTP word stands here. Each dialect (problem+json, SCIM, OAuth, form) has one
mapper that turns a family into its own answer. Apps subclass a family beside
their noun and give it a stable `code`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict


class FieldProblem(TypedDict):
    """One field that was refused: a JSON pointer (RFC 6901), a code and a sentence."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Base of everything that an action refuses.

    `code` is stable for ever, `title` is short and the same for every occurrence,
    `detail` says what happened here and what to do. `extra` holds further members
    for machine readers (never a secret, never another organization's data).
    """

    code: ClassVar[str] = "domain_error"
    title: ClassVar[str] = "The request could not be carried out"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        self.detail = detail or self.title
        self.extra = extra
        super().__init__(self.detail)


class Invalid(DomainError):
    """A value has the wrong form or breaks a rule about its own content."""

    code = "invalid"
    title = "Some values are not valid"

    def __init__(
        self, detail: str = "", *, errors: Sequence[FieldProblem] = (), **extra: Any
    ) -> None:
        super().__init__(detail, **extra)
        self.errors = list(errors)

    @classmethod
    def field(cls, name: str, detail: str, *, code: str = "invalid") -> "Invalid":
        """Refuse one field; `name` is its key in the request body."""
        return cls(detail, errors=[{"pointer": f"/{name}", "code": code, "detail": detail}])


class BadParameter(Invalid):
    """A parameter of the query or a header is not understood (the body is not concerned)."""

    code = "bad_parameter"
    title = "A parameter is not valid"

    def __init__(self, detail: str = "", *, parameter: str = "", **extra: Any) -> None:
        if parameter:
            extra["parameter"] = parameter
        super().__init__(detail, **extra)


class Denied(DomainError):
    """The principal is known and may not do this."""

    code = "denied"
    title = "You may not do this"

    def __init__(
        self, detail: str = "", *, permission: str = "", reason: str = "", **extra: Any
    ) -> None:
        super().__init__(detail or reason, **extra)
        self.permission = permission
        self.reason = reason or self.detail


class Missing(DomainError):
    """Nothing is there, or it is another organization's: the two never differ."""

    code = "not_found"
    title = "Not found"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or "There is nothing here that you can see.", **extra)


class Conflict(DomainError):
    """The state of things does not allow it."""

    code = "conflict"
    title = "This conflicts with the current state"


class Stale(Conflict):
    """The object changed since it was read."""

    code = "lost_update"
    title = "It was changed meanwhile"


class Gone(DomainError):
    """It was there and has ended for good (a used link, a purged organization)."""

    code = "gone"
    title = "This is no longer available"


class LimitReached(DomainError):
    """A limit that money or an admin can lift."""

    code = "limit_reached"
    title = "The limit is reached"

    def __init__(self, detail: str = "", *, upgrade_url: str = "", **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.upgrade_url = upgrade_url


class Throttled(DomainError):
    """Too many attempts in a time."""

    code = "throttled"
    title = "Too many requests"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 60, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(DomainError):
    """Something that this needs does not answer now."""

    code = "unavailable"
    title = "Temporarily unavailable"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 5, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after_seconds = retry_after_seconds
