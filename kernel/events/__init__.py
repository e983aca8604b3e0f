"""The event log: audit trail and outbox in one row per change.

Tests: tests/kernel/events/.
"""

from kernel.events.record import Target, record

__all__ = ["Target", "record"]
