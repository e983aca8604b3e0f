"""Backup, restore, migration and upgrade, with real processes and by the command line."""
