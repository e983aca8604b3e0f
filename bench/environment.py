"""Where the benchmarks run: settings as in production, in a database of their own."""

import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
DATABASE_URL = os.environ.get(
    "BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/steward_bench"
)
REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/8")
PORT = int(os.environ.get("BENCH_PORT", "8765"))
SERVER_CORE, LOAD_CORE = 0, 1
DIRECTORY = Path(os.environ.get("STEWARD_DATA_DIR", ROOT / "var")) / "bench"


ROLE = "steward_bench_app"
ROLE_PASSWORD = "bench"


def service_url() -> str:
    """Return how the service's own role connects, before whom the walls stand."""
    parts = urlsplit(DATABASE_URL)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{ROLE}:{ROLE_PASSWORD}@{place}"))


def settings(database_url: str = DATABASE_URL) -> dict[str, str]:
    """Return the product's environment: nothing differs from production but the limits.

    Rate limits are off because one address asks for everything.
    """
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
        "DATABASE_URL": database_url,
        "REDIS_URL": REDIS_URL,
        "STEWARD_DATA_DIR": str(DIRECTORY),
        "STEWARD_BASE_URL": f"http://127.0.0.1:{PORT}",
        "LOG_LEVEL": "WARNING",
        "STEWARD_API_RATE": "0",
        "STEWARD_SCIM_RATE": "0",
        "STEWARD_ANONYMOUS_RATE": "0",
        "STEWARD_KEY_FAILURE_RATE": "0",
    }
