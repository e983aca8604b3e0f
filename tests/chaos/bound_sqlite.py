"""The embedded settings with a bound on SQLite's pages, for a test of a full disk."""

import os

from config.settings.embedded import *  # noqa: F403 - as the product's own do

DATABASES["default"]["OPTIONS"]["init_command"] += (  # noqa: F405
    f"PRAGMA max_page_count={os.environ['SQLITE_MAX_PAGES']};"
)
