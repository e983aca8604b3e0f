"""Remembered answers: the row behind an Idempotency-Key. Tests: tests/kernel/api/."""
