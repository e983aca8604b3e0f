"""The embedded settings with a bound on SQLite's pages, for a test of a full disk."""

import os

from config.settings.embedded import *

DATABASES["default"]["OPTIONS"]["init_command"] += (
    f"PRAGMA max_page_count={os.environ['SQLITE_MAX_PAGES']};"
)
