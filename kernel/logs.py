"""Structured logs: one line per record, the request's id on each, secrets redacted.

`logging_config` sends structlog's and the standard library's records through the same
processors, so that a library's message is redacted as well. JSON lines are for
machines; without it, the same facts as text for a person at a terminal.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from kernel.principal import Principal
from kernel.redact import redact

_access_log = structlog.stdlib.get_logger("steward.access")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_SERVER_ERROR = 500
_OF_MANY_LINES = frozenset({"exception", "stack"})


def logging_config(*, json: bool, level: str = "INFO") -> dict[str, Any]:
    """Return `settings.LOGGING`, and configure structlog to feed it."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last = [structlog.processors.JSONRenderer()] if json else [escape_controls, _console_renderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                # Redaction comes after the traceback became text and before anything is
                # written: nothing gets past it.
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.StackInfoRenderer(),
                    structlog.processors.format_exc_info,
                    redact_record,
                    *last,
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These write a second line for each refused request, or one for each call.
            "django.request": {"level": "ERROR"},
            # Anybody can send a wrong Host: the line of the request says so, without a traceback.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "level": "ERROR"},
            "httpcore": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }


def redact_record(
    _logger: Any, _method: str, record: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Redact one record (a structlog processor)."""
    redacted: dict[str, Any] = redact(dict(record))
    return redacted


def escape_controls(
    _logger: Any, _method: str, record: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Write control and direction-changing characters as escapes (a structlog processor).

    JSON does so by itself. At a terminal a new line in a path would forge a record, and an
    escape sequence would recolour or hide what stands there. Tracebacks keep their lines.
    """
    return {
        _escaped(name): _escaped(value, keep="\n\t" if name in _OF_MANY_LINES else "")
        for name, value in record.items()
    }


def bind_principal(principal: Principal) -> None:
    """Put who acts on every further line of this request."""
    structlog.contextvars.bind_contextvars(
        principal=principal.key, credential=principal.credential.id or None
    )


def log_request(
    request: HttpRequest, response: HttpResponseBase, *, elapsed_seconds: float
) -> None:
    """Write the access line of one request.

    The query is left out: it may hold codes and addresses. Probes are written at the
    level DEBUG, failures of ours at ERROR.
    """
    level = logging.INFO
    if request.path in _PROBES:
        level = logging.DEBUG
    elif response.status_code >= _SERVER_ERROR:
        level = logging.ERROR
    origin = getattr(request, "origin", None)
    match = request.resolver_match
    _access_log.log(
        level,
        "request",
        method=request.method,
        path=request.path,
        route=match.route if match else "",
        status=response.status_code,
        duration_ms=round(elapsed_seconds * 1000, 1),
        ip=origin.ip if origin else "",
        user_agent=origin.user_agent if origin else "",
    )


def _escaped(value: Any, *, keep: str = "") -> Any:
    if isinstance(value, str):
        if value.isprintable():
            return value
        return "".join(
            character
            if character.isprintable() or character in keep
            else character.encode("unicode_escape").decode()
            for character in value
        )
    if isinstance(value, dict):
        return {_escaped(str(name)): _escaped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value


def _console_renderer() -> Any:
    return structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
