"""System checks: a configuration that would be unsafe or senseless is refused at start."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from kernel.crypto.signing import SigningRing
from kernel.database.faults import faults_of
from kernel.upgrade.owner import is_owners

_SHORTEST_SECRET = 32
_KEY_BYTES = 32


@register(Tags.security)
def secrets_are_strong(**_kwargs: Any) -> Sequence[CheckMessage]:
    """Refuse missing, short and well-known secrets."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < _SHORTEST_SECRET:
        found.append(_error("SECRET_KEY is shorter than 32 characters.", "kernel.E010"))
    peppers = settings.STEWARD_KEY_PEPPERS
    if not peppers or any(len(pepper) < _SHORTEST_SECRET for pepper in peppers):
        found.append(
            _error("STEWARD_KEY_PEPPERS needs values of at least 32 characters.", "kernel.E011")
        )
    keys = settings.STEWARD_ENCRYPTION_KEYS
    if not keys or any(_length(key) != _KEY_BYTES for key in keys):
        found.append(
            _error(
                "STEWARD_ENCRYPTION_KEYS needs base64 keys of exactly 32 bytes.", "kernel.E012"
            )
        )
    try:
        SigningRing(settings.STEWARD_CHECKPOINT_KEYS)
    except ImproperlyConfigured as error:
        found.append(_error(str(error), "kernel.E013"))
    return found


@register(Tags.database)
def walls_hold(databases: Sequence[str] | None = None, **_kwargs: Any) -> Sequence[CheckMessage]:
    """Warn of a database whose walls do not hold for the service (`check --database default`)."""
    if not settings.STEWARD_REQUIRES_WALLS or DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    connection = connections[DEFAULT_DB_ALIAS]
    if is_owners(connection):
        return []
    return [
        checks.Warning(sentence, hint="Run `manage.py create_db_roles`.", id="kernel.W020")
        for sentence in faults_of(connection)
    ]


def _length(key: str) -> int:
    try:
        return len(base64.b64decode(key, validate=True))
    except binascii.Error:
        return 0


def _error(message: str, code: str) -> Error:
    return Error(message, hint="docs/operations.md says how to make them.", id=code)
