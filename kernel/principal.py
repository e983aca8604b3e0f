"""Who acts: the type that events, idempotency keys and throttles carry.

What a principal may do is decided in `orgs.access`; this room only names it.
"""

import uuid
from dataclasses import dataclass, field, replace
from enum import StrEnum


class PrincipalKind(StrEnum):
    """The kinds of actors."""

    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class CredentialKind(StrEnum):
    """The means by which a principal was recognised."""

    SESSION = "session"
    API_KEY = "api_key"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - a kind, not a secret
    LINK = "link"
    COMMAND_LINE = "command_line"
    INTERNAL = "internal"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential's kind and its public id (never the secret)."""

    kind: CredentialKind = CredentialKind.NONE
    id: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from; empty for work that no request caused."""

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """An actor, through a credential, from somewhere.

    `organization_id` binds the principal to one organization (service accounts,
    keys made for one organization); None means that memberships decide.
    `scopes` narrows what the credential may do; None means everything that the
    principal itself may.
    """

    kind: PrincipalKind
    id: uuid.UUID | None = None
    label: str = ""
    organization_id: uuid.UUID | None = None
    credential: Credential = field(default_factory=Credential)
    on_behalf_of: str = ""
    scopes: frozenset[str] | None = None
    origin: Origin = field(default_factory=Origin)

    @classmethod
    def system(cls, label: str) -> "Principal":
        """Return the principal of a job of our own, named by what it does."""
        return cls(
            kind=PrincipalKind.SYSTEM,
            label=label,
            credential=Credential(kind=CredentialKind.INTERNAL),
        )

    @classmethod
    def anonymous(cls) -> "Principal":
        """Return the principal of a request that proved nothing."""
        return cls(kind=PrincipalKind.ANONYMOUS, label="anonymous")

    def seen_from(self, origin: Origin) -> "Principal":
        """Return the same principal with the request's origin."""
        return replace(self, origin=origin)

    def unscoped(self) -> "Principal":
        """Return the same principal as if the credential were not narrowed by scopes."""
        return replace(self, scopes=None)

    @property
    def is_user(self) -> bool:
        """Whether a person acts."""
        return self.kind is PrincipalKind.USER

    @property
    def is_system(self) -> bool:
        """Whether our own code acts, without anybody having asked just now."""
        return self.kind is PrincipalKind.SYSTEM

    @property
    def key(self) -> str:
        """Return a stable text that tells principals apart (for limits and replays)."""
        return f"{self.kind}:{self.id or self.label}"
