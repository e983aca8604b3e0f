"""Backup to one file and restore from it, on SQLite and PostgreSQL.

The file is a ZIP of two entries: `manifest.json` (what it is and what must be found after
the restore) and the data as the database's own tool writes it. The key ring is never in
it: a thief of a backup gets digests and sealed values. `--keys` writes the secrets to a
second file, to be kept apart. Tests: tests/operations/.
"""
