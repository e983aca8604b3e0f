"""Leased job rows: work that must happen, kept in our own database.

A row is claimed with a lease, its effect and its `done` commit together, attempts
are counted by the claim itself (so a job that kills its process counts too), and
after `MAX_ATTEMPTS` it is dead with its traceback kept. Celery runs rows; a
message to it is a wake-up and nothing more. Tests: tests/kernel/jobs/.
"""
