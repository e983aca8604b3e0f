"""Where the benchmarks run: settings as in production, in a database of their own."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASE_URL = os.environ.get(
    "BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/steward_bench"
)
REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/8")
PORT = int(os.environ.get("BENCH_PORT", "8765"))
SERVER_CORE, LOAD_CORE = 0, 1
DIRECTORY = Path(os.environ.get("STEWARD_DATA_DIR", ROOT / "var")) / "bench"


def settings() -> dict[str, str]:
    """Return the product's environment: nothing differs from production but the limits.

    Rate limits are off because one address asks for everything.
    """
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
        "DATABASE_URL": DATABASE_URL,
        "REDIS_URL": REDIS_URL,
        "STEWARD_DATA_DIR": str(DIRECTORY),
        "STEWARD_BASE_URL": f"http://127.0.0.1:{PORT}",
        "LOG_LEVEL": "WARNING",
        "STEWARD_API_RATE": "0",
        "STEWARD_ANONYMOUS_RATE": "0",
        "STEWARD_KEY_FAILURE_RATE": "0",
    }
