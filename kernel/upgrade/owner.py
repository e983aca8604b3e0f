"""The owner's connection: who migrates, backs up and restores.

In production the service's own database role may change rows and no tables; the tables
belong to another role, named by STEWARD_MIGRATION_DATABASE_URL. Without that setting the
service's connection is used.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import environ
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_TAKEN = ("NAME", "USER", "PASSWORD", "HOST", "PORT")


@contextmanager
def as_owner() -> Iterator[None]:
    """Let this thread's default connection be the owner's within the block."""
    url = settings.STEWARD_MIGRATION_DATABASE_URL
    connection = connections[DEFAULT_DB_ALIAS]
    if not url or connection.vendor != "postgresql":
        yield
        return
    owner = environ.Env.db_url_config(url)
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update({name: owner.get(name, "") for name in _TAKEN})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update({name: before[name] for name in _TAKEN})


def is_owners(connection: BaseDatabaseWrapper) -> bool:
    """Whether a connection is the owner's just now, by `as_owner`."""
    url = settings.STEWARD_MIGRATION_DATABASE_URL
    user = environ.Env.db_url_config(url).get("USER") if url else None
    return user is not None and connection.settings_dict["USER"] == user
