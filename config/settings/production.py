"""Production: every server and secret is named by the environment, nothing is guessed."""

from config.settings.base import *
from kernel.logs import logging_config

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
STEWARD_KEY_PEPPERS = env.list("STEWARD_KEY_PEPPERS")
STEWARD_ENCRYPTION_KEYS = env.list("STEWARD_ENCRYPTION_KEYS")
STEWARD_CHECKPOINT_KEYS = env.list("STEWARD_CHECKPOINT_KEYS")
STEWARD_BASE_URL = env.str("STEWARD_BASE_URL").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[STEWARD_BASE_URL])

DATABASES = {"default": postgresql(env.str("DATABASE_URL"))}
STEWARD_REQUIRES_WALLS = env.bool("STEWARD_REQUIRES_WALLS", default=True)
CACHES = {"default": redis_cache(env.str("REDIS_URL"))}
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
STEWARD_NOTICE_COOKIE_NAME = "__Host-messages"
STEWARD_DEVICE_COOKIE_NAME = "__Host-device"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if STEWARD_TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=63_072_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True

STORAGES["staticfiles"] = {
    "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
}
WHITENOISE_USE_FINDERS = False
LOGGING = logging_config(json=True, level=env.str("LOG_LEVEL", default="INFO"))
