"""What all ways to run have in common; each knob of the product on one page."""

from pathlib import Path
from typing import Any

import environ

from kernel.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

STEWARD_DATA_DIR = Path(env.str("STEWARD_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
# An installation's own file of secrets; None where they come from the environment.
STEWARD_SECRETS_FILE: Path | None = None
STEWARD_BASE_URL = env.str("STEWARD_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
STEWARD_WIRING = "config.wiring.WIRING"
STEWARD_CONSOLE = "config.wiring.CONSOLE"

# --- limits and policies of an installation -------------------------------------------------
STEWARD_DEFAULT_SEATS = {
    "full": env.int("STEWARD_DEFAULT_FULL_SEATS", default=25),
    "viewer": env.int("STEWARD_DEFAULT_VIEWER_SEATS", default=100),
}
STEWARD_UPGRADE_URL = env.str(
    "STEWARD_UPGRADE_URL", default=f"{STEWARD_BASE_URL}/o/{{organization}}/members/seats"
)
STEWARD_SIGNUP_OPEN = env.bool("STEWARD_SIGNUP_OPEN", default=True)
STEWARD_TRUSTED_PROXIES = env.int("STEWARD_TRUSTED_PROXIES", default=0)
STEWARD_SECURITY_CONTACT = env.str("STEWARD_SECURITY_CONTACT", default="")
STEWARD_API_RATE = env.int("STEWARD_API_RATE", default=600)
STEWARD_ANONYMOUS_RATE = env.int("STEWARD_ANONYMOUS_RATE", default=60)
STEWARD_SCIM_RATE = env.int("STEWARD_SCIM_RATE", default=3000)
STEWARD_KEY_FAILURE_RATE = env.int("STEWARD_KEY_FAILURE_RATE", default=20)
STEWARD_PROTECTED_PROJECT_NAMES = env.list(
    "STEWARD_PROTECTED_PROJECT_NAMES", default=["model-registry"]
)

# --- database -------------------------------------------------------------------------------
STEWARD_MIGRATION_DATABASE_URL = env.str("STEWARD_MIGRATION_DATABASE_URL", default="")
STEWARD_REQUIRES_WALLS = env.bool("STEWARD_REQUIRES_WALLS", default=False)

# --- jobs -----------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=env.str("REDIS_URL", default="memory://localhost"))
STEWARD_RELAY = not CELERY_BROKER_URL.startswith("memory")
STEWARD_SWEEP_SECONDS = env.float("STEWARD_SWEEP_SECONDS", default=10 if STEWARD_RELAY else 0.5)
STEWARD_JOB_LEASE_SECONDS = env.float("STEWARD_JOB_LEASE_SECONDS", default=60)
STEWARD_JOB_PAUSES_SECONDS = env.list(
    "STEWARD_JOB_PAUSES_SECONDS", cast=float, default=[2, 10, 60, 300, 1800, 7200, 28_800]
)
STEWARD_JOB_QUEUE = env.str("STEWARD_JOB_QUEUE", default="celery")
STEWARD_VISIBILITY_SECONDS = env.int("STEWARD_VISIBILITY_SECONDS", default=3600)

# --- audit log ------------------------------------------------------------------------------
STEWARD_CHECKPOINT_FILE = env.str("STEWARD_CHECKPOINT_FILE", default="")

# --- this process and its machine -----------------------------------------------------------
STEWARD_DATABASE_TIME = env.bool("STEWARD_DATABASE_TIME", default=True)
STEWARD_MINIMUM_FREE_MB = env.float("STEWARD_MINIMUM_FREE_MB", default=500)

# --- metrics --------------------------------------------------------------------------------
STEWARD_METRICS_TOKEN = env.str("STEWARD_METRICS_TOKEN", default="")

# --- outbound HTTP --------------------------------------------------------------------------
STEWARD_OUTBOUND_ALLOW_LOOPBACK = env.bool("STEWARD_OUTBOUND_ALLOW_LOOPBACK", default=False)
STEWARD_OUTBOUND_ALLOWED_NETWORKS = env.list("STEWARD_OUTBOUND_ALLOWED_NETWORKS", default=[])

# --- Django ---------------------------------------------------------------------------------
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "orgs.User"

INSTALLED_APPS = [
    "kernel",
    "orgs",
    "identity",
    "billing",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "lucide",
    # The plain configurations: the automatic ones rewrite TEMPLATES and switch each other off.
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
]

MIDDLEWARE = [
    "kernel.counting.middleware.CountingMiddleware",
    "kernel.database.middleware.ScopeMiddleware",
    "kernel.http.RequestContextMiddleware",
    "kernel.headers.SecurityHeadersMiddleware",
    "kernel.https.PlainHTTPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "kernel.limits.RequestLimitsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "kernel.lanes.BrowsersBeginMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "identity.console.middleware.PrincipalMiddleware",
    "kernel.lanes.BrowsersEndMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orgs.doors.shell.shell",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django_cotton.cotton_loader.Loader",
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "lucide.templatetags.lucide",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# --- people ---------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["identity.accounts.backend.OneHashBackend"]
PASSWORD_HASHERS = ["identity.accounts.hashers.Argon2idHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "identity.accounts.passwords.Length"},
    {"NAME": "identity.accounts.passwords.Guessable"},
]
STEWARD_BREACHED_PASSWORDS_FILE = env.str("STEWARD_BREACHED_PASSWORDS_FILE", default="")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/account/login/"
ACCOUNT_ADAPTER = "identity.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "identity.accounts.forms.SignUpForm",
    "reset_password": "identity.accounts.reset.ResetForm",
}
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = False
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CHANGE_EMAIL = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 10
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_USERNAME_MIN_LENGTH = 1
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_RATE_LIMITS = {
    # Passwords that are tried are counted in identity.accounts.attempts.
    "login": None,
    "login_failed": None,
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/d/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "confirm_email": "1/3m/key",
    "reauthenticate": "10/m/user",
}
# identity.usage does it, without five statements a request.
USERSESSIONS_TRACK_ACTIVITY = False
# A day without use ends a session, and seven days end any.
SESSION_ENGINE = "identity.accounts.session"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "kernel.http.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "kernel.console.notices.NoticeStorage"
STEWARD_NOTICE_COOKIE_NAME = "messages"
STEWARD_DEVICE_COOKIE_NAME = "device"

# --- mail -----------------------------------------------------------------------------------
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Steward <steward@localhost>")
STEWARD_MAIL_OUTBOX = env.bool("STEWARD_MAIL_OUTBOX", default=False)

# --- API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["identity.api.authentication.CredentialAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["kernel.api.permission.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["kernel.api.renderer.JSON"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "kernel.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "kernel.api.schema.Schema",
    "EXCEPTION_HANDLER": "kernel.api.exceptions.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Steward API",
    "DESCRIPTION": "People, keys and purse of an organization. Sign in with an API key.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "POSTPROCESSING_HOOKS": ["kernel.api.schema.finish"],
}
# django-scim2: its views are a base; who asks is decided by ours (identity.scim.door).
SCIM_SERVICE_PROVIDER: dict[str, Any] = {
    "NETLOC": STEWARD_BASE_URL.partition("://")[2],
    "AUTHENTICATION_SCHEMES": [],
    "AUTH_CHECK_MIDDLEWARE": "identity.scim.unchecked.unchecked",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# --- browser --------------------------------------------------------------------------------
# What is constant on every answer is in kernel/headers.py.
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True

# --- static files ---------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = STEWARD_DATA_DIR / "static"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LOGGING = logging_config(
    json=env.bool("STEWARD_LOG_JSON", default=False), level=env.str("LOG_LEVEL", default="INFO")
)


def sqlite(path: Path | str) -> dict[str, Any]:
    """Return the database settings of a SQLite file.

    WAL without IMMEDIATE fails under writers: a lock upgrade does not wait.
    """
    return {
        "ENGINE": "kernel.database.sqlite",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;",
        },
        "CONN_MAX_AGE": None,
    }


def postgresql(url: str) -> dict[str, Any]:
    """Return the database settings of a PostgreSQL URL.

    Connections stay open and are checked before a request; statements are prepared by
    the server, which costs a tenth of planning them anew.
    """
    return {
        **environ.Env.db_url_config(url, engine="kernel.database.postgresql"),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 1,
            "connect_timeout": 3,
            "keepalives": 1,
            "keepalives_idle": 30,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "options": "-c statement_timeout=10000 -c lock_timeout=5000 "
            "-c idle_in_transaction_session_timeout=15000",
        },
    }


def redis_cache(url: str) -> dict[str, Any]:
    """Return the cache settings of a Redis URL; its time-outs bound what a hang can cost."""
    return {
        "BACKEND": "kernel.cache.SharedCache",
        "LOCATION": url,
        "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.25},
    }
STEWARD_USAGE_FLUSH_SECONDS = env.float("STEWARD_USAGE_FLUSH_SECONDS", default=5)
