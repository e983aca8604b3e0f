"""The tests: PostgreSQL and Redis where they answer, SQLite and memory otherwise.

`STEWARD_TEST_DATABASE=sqlite` asks for SQLite; `STEWARD_TEST_DATABASE_URL` names another
PostgreSQL. `tests/conftest.py` prints which ones were taken.
"""

import socket
from urllib.parse import urlsplit

from config.settings.base import *
from kernel.logs import logging_config


def _answers(url: str) -> bool:
    """Whether something listens where a URL points."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), 0.5):
            return True
    except OSError:
        return False


SECRET_KEY = "test-" + "s" * 60
STEWARD_KEY_PEPPERS = ["test-pepper-" + "p" * 40]
STEWARD_ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
STEWARD_CHECKPOINT_KEYS = ["c2lnbmluZy1rZXktb2YtdGhlLXRlc3RzLW5vdC1tb3I="]
STEWARD_BASE_URL = "http://testserver"
STEWARD_UPGRADE_URL = "http://testserver/o/{organization}/members/seats"
ALLOWED_HOSTS = ["*"]
STEWARD_MAIL_OUTBOX = True
STEWARD_OUTBOUND_ALLOW_LOOPBACK = True
STEWARD_RELAY = False
# The tests move the clock of their own process.
STEWARD_DATABASE_TIME = False
STEWARD_USAGE_FLUSH_SECONDS = 0
CELERY_BROKER_URL = "memory://localhost"

_wanted = env.str("STEWARD_TEST_DATABASE", default="")
_url = env.str(
    "STEWARD_TEST_DATABASE_URL", default="postgresql://postgres@127.0.0.1:5432/steward"
)
USES_POSTGRESQL = _wanted != "sqlite" and (_wanted == "postgresql" or _answers(_url))
if USES_POSTGRESQL:
    DATABASES = {"default": postgresql(_url)}
else:
    DATABASES = {"default": sqlite(STEWARD_DATA_DIR / "test.sqlite3")}
    # A file, so that threads and processes share it.
    DATABASES["default"]["TEST"] = {"NAME": str(STEWARD_DATA_DIR / "test.sqlite3")}
STEWARD_DATA_DIR.mkdir(parents=True, exist_ok=True)

TEST_REDIS_URL = env.str("STEWARD_TEST_REDIS_URL", default="redis://127.0.0.1:6379/9")
USES_REDIS = _answers(TEST_REDIS_URL)
TEST_AMQP_URL = env.str("STEWARD_TEST_AMQP_URL", default="amqp://guest:guest@127.0.0.1:5672//")
USES_RABBITMQ = _answers(TEST_AMQP_URL)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Cheap on purpose: the tests check the rules around hashing, not its cost.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STEWARD_API_RATE = STEWARD_ANONYMOUS_RATE = STEWARD_KEY_FAILURE_RATE = 0
ACCOUNT_RATE_LIMITS = False  # type: ignore[assignment] # allauth's word for none
WHITENOISE_AUTOREFRESH = True
LOGGING = logging_config(json=True, level="WARNING")
