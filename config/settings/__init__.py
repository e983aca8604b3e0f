"""Settings: `embedded` (no configuration, SQLite), `production`, and `test`.

Every value an installation can change is read in `base` from an environment variable
of the same name; docs/settings.md lists them.
"""
