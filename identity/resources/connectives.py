"""What filters are joined by, before and after they are tied to a resource type."""

from dataclasses import dataclass
from typing import Generic, TypeVar

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Not(Generic[N]):
    """`not (filter)`."""

    node: N


@dataclass(frozen=True, slots=True)
class And(Generic[N]):
    """Filters that all hold."""

    nodes: tuple[N, ...]


@dataclass(frozen=True, slots=True)
class Or(Generic[N]):
    """Filters of which one holds."""

    nodes: tuple[N, ...]
