"""Whose rows the running code may see: everybody's, nobody's, or one organization's.

A web request starts with nobody's. It crosses organizations where it must (whose key is
this, which organization has this slug, where am I a member), each time by name, and is
walled into its organization as soon as that is known:

    with across("whose key this is"):
        key = ...
    enter(organization)          # for the rest of the request

Commands, jobs of the installation and tests start with everybody's rows; a job of an
organization runs `within` it. On SQLite all of this is said as well, and has no effect.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, nullcontext
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db import connections


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows are visible, in the words of the database.

    `value` is an organization's id, `*` for all rows or empty for none. `holds` says that
    the end of the frame is known (a request), so that reads may share a transaction.
    """

    value: str
    holds: bool = False


EVERYWHERE = Scope("*")
NOWHERE = Scope("")

_default = EVERYWHERE
_scope: ContextVar[Scope | None] = ContextVar("steward_scope", default=None)


def current() -> Scope:
    """Return the scope of the running code."""
    return _scope.get() or _default


def close_by_default() -> None:
    """Let this process show no tenant's rows to code that does not say whose it wants.

    Called once by processes that serve requests: a handler or thread that forgets to say
    so sees nothing.
    """
    global _default  # noqa: PLW0603 - what a process is for does not change
    _default = NOWHERE


def for_rows_of(organization_id: uuid.UUID | None) -> AbstractContextManager[None]:
    """Return the block in which rows of an owner are written.

    Rows of no organization (None, or the nil UUID) are the installation's and seen across
    organizations only. An organization's are written in the scope that is there: from
    within another one, the database refuses them.
    """
    if organization_id is None or not organization_id.int:
        return across("rows of the installation itself")
    return nullcontext()


class _Narrowed(ContextDecorator):
    """A block, or a function, that runs under another scope."""

    __slots__ = ("_token", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self._token: Token[Scope | None] | None = None

    def _recreate_cm(self) -> Self:
        """Give each call of a decorated function a block of its own."""
        return type(self)(self.value)

    def __enter__(self) -> None:
        self._token = _scope.set(Scope(self.value, current().holds))

    def __exit__(self, *_exc: object) -> None:
        assert self._token is not None  # noqa: S101 - entered before
        _scope.reset(self._token)


def within(organization: Any) -> _Narrowed:
    """Show one organization's rows only (an Organization or its id)."""
    return _Narrowed(_named(organization))


def across(reason: str) -> _Narrowed:
    """Show every organization's rows. The reason is for whoever reads the code or greps it."""
    if not reason:
        raise ValueError("Say why rows of every organization are needed.")
    return _Narrowed(EVERYWHERE.value)


def enter(organization: Any) -> None:
    """Show one organization's rows only, until the request ends; outside of one, raise."""
    _set_for_good(_named(organization))


def cross(reason: str) -> None:
    """Show every organization's rows until the request ends: for what a person is everywhere."""
    _set_for_good(across(reason).value)


class request:  # noqa: N801 - reads as a word: `with scope.request():`
    """The frame of one web request: nobody's rows at first, and reads that share a transaction."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _scope.set(Scope(NOWHERE.value, holds=True))

    def __exit__(self, *_exc: object) -> None:
        _scope.reset(self._token)
        end_reads()


def carried(chunks: Iterable[Any]) -> Iterator[Any]:
    """Return an iterator that makes each chunk under the scope of now.

    A streamed answer is made after its request's frame has ended. Between two chunks no
    transaction stays open, however slowly the client reads.
    """
    scope = replace(current(), holds=False)

    def carry() -> Iterator[Any]:
        source = iter(chunks)
        while True:
            token = _scope.set(scope)
            try:
                chunk = next(source)
            except StopIteration:
                return
            finally:
                _scope.reset(token)
            yield chunk

    return carry()


def end_reads() -> None:
    """End the transactions that reads outside of `atomic` share, on this thread's connections.

    Call it before waiting for something else than the database.
    """
    for connection in connections.all(initialized_only=True):
        end = getattr(connection, "end_reads", None)
        if end is not None:
            end()


def _set_for_good(value: str) -> None:
    scope = _scope.get()
    if scope is None or not scope.holds:
        raise RuntimeError("Only a request has an end of its own; elsewhere use a block.")
    _scope.set(Scope(value, holds=True))


def _named(organization: Any) -> str:
    """Return the id in the form that goes into SQL: hexadecimal digits and dashes only."""
    key = getattr(organization, "pk", organization)
    if not isinstance(key, uuid.UUID):
        raise TypeError("A scope is an organization or the UUID of one.")
    return str(key)
