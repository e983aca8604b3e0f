"""The default: SQLite in the data directory, no broker, mail in the local outbox.

Secrets are made on the first start and kept in `secrets.json` (mode 0600) there. With
DATABASE_URL or REDIS_URL set, those servers are used instead.
"""

from config.secrets_file import load_or_create
from config.settings.base import *

STEWARD_SECRETS_FILE = STEWARD_DATA_DIR / "secrets.json"
_secrets = load_or_create(STEWARD_SECRETS_FILE)

SECRET_KEY = env.str("SECRET_KEY", default=_secrets["secret_key"])
STEWARD_KEY_PEPPERS = env.list("STEWARD_KEY_PEPPERS", default=_secrets["key_peppers"])
STEWARD_ENCRYPTION_KEYS = env.list("STEWARD_ENCRYPTION_KEYS", default=_secrets["encryption_keys"])
STEWARD_CHECKPOINT_KEYS = env.list("STEWARD_CHECKPOINT_KEYS", default=_secrets["checkpoint_keys"])
STEWARD_CHECKPOINT_FILE = env.str(
    "STEWARD_CHECKPOINT_FILE", default=str(STEWARD_DATA_DIR / "audit-checkpoints.jsonl")
)
STEWARD_MAIL_OUTBOX = env.bool("STEWARD_MAIL_OUTBOX", default="EMAIL_URL" not in env.ENVIRON)
STEWARD_OUTBOUND_ALLOW_LOOPBACK = env.bool("STEWARD_OUTBOUND_ALLOW_LOOPBACK", default=True)
if "EMAIL_URL" in env.ENVIRON:
    vars().update(env.email_url("EMAIL_URL"))

_database_url = env.str("DATABASE_URL", default="")
DATABASES = {
    "default": postgresql(_database_url)
    if _database_url.startswith("postgres")
    else sqlite(STEWARD_DATA_DIR / "steward.sqlite3")
}
CACHES = {
    "default": redis_cache(env.str("REDIS_URL"))
    if "REDIS_URL" in env.ENVIRON
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
