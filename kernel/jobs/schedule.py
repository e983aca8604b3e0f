"""Schedules: each slot of time becomes one row, however many beats run."""

import datetime as dt

from kernel import synchrony
from kernel.clock import now
from kernel.jobs.models import Job
from kernel.wiring import wiring


def insert_due_slots() -> int:
    """Insert the row of every schedule's current slot; return how many were new.

    The unique key is (schedule, slot), so a second beat inserts nothing. A beat
    that was away inserts the current slot only: late work runs once, not often.
    """
    synchrony.refresh()
    moment = now()
    slots = []
    for name, schedule in wiring().schedules.items():
        number = int(moment.timestamp()) // schedule.every_seconds
        start = dt.datetime.fromtimestamp(number * schedule.every_seconds, tz=dt.UTC)
        slots.append(
            Job(
                kind=schedule.job,
                payload={"slot": start.isoformat()},
                unique_key=f"slot:{name}:{number}",
                due_at=moment,
                created_at=moment,
            )
        )
    known = set(
        Job.objects.filter(unique_key__in=[row.unique_key for row in slots]).values_list(
            "unique_key", flat=True
        )
    )
    fresh = [row for row in slots if row.unique_key not in known]
    if fresh:
        Job.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)
