"""The stage of the wire tests, and production's settings of what a browser sees."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from kernel.mail.models import Mail
from kernel.mail.send import write_rendered
from tests.hardening.routes import values_of
from tests.wire.conftest import acme, forget_limits, rival, stages

__all__ = ["acme", "forget_limits", "rival", "stages"]

ENVIRONMENT = {
    "SECRET_KEY": "s" * 60,
    "STEWARD_KEY_PEPPERS": "p" * 40,
    "STEWARD_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "STEWARD_CHECKPOINT_KEYS": "c2lnbmluZy1rZXktb2YtdGhlLXRlc3RzLW5vdC1tb3I=",
    "STEWARD_BASE_URL": "https://steward.example",
    "ALLOWED_HOSTS": "steward.example",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STEWARD_SECURITY_CONTACT": "security@steward.example",
}
_BROWSER = (
    "SESSION_", "CSRF_", "SECURE_", "X_FRAME_OPTIONS", "MESSAGE_", "MIDDLEWARE",
    "STEWARD_NOTICE_COOKIE_NAME", "STEWARD_DEVICE_COOKIE_NAME", "STEWARD_BASE_URL",
    "STEWARD_SECURITY_CONTACT", "ALLOWED_HOSTS",
)  # fmt: skip


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """Put in force what production tells browsers; servers stay those of the tests."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    base = importlib.reload(importlib.import_module("config.settings.base"))
    real = importlib.reload(importlib.import_module("config.settings.production"))
    for name in dir(real):
        if name.startswith(_BROWSER):
            setattr(settings, name, getattr(real, name))
    yield settings
    monkeypatch.undo()
    importlib.reload(base)


@pytest.fixture
def mail(db: None) -> Mail:
    """Return a mail in the outbox."""
    return write_rendered(
        template="test", recipient="olga@example.com", subject="Hello", text="Hi", html="<p>Hi</p>"
    )


@pytest.fixture
def values(acme: Any, mail: Mail) -> Iterator[dict[str, str]]:
    """Return something for each part of an address."""
    return values_of(acme, mail)
