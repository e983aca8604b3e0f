"""The sweep: run what no wake-up reached, and tidy up what ended."""

import datetime as dt
from collections.abc import Callable

from kernel import synchrony
from kernel.clock import now
from kernel.jobs.models import Job
from kernel.jobs.run import claimable, run

_KEEP_DONE = dt.timedelta(days=7)


def sweep(
    *,
    limit: int = 200,
    older_than_seconds: float = 0,
    is_ending: Callable[[], bool] = lambda: False,
) -> int:
    """Run claimable rows, oldest first; return how many are done.

    With `older_than_seconds` only rows that a wake-up had time to reach are run. Stops
    between two rows once `is_ending` says so.
    """
    synchrony.refresh()
    moment = now() - dt.timedelta(seconds=older_than_seconds)
    waiting = (
        Job.objects.filter(claimable(moment))
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(run(job_id) for job_id in list(waiting) if not is_ending())


def tidy(_job: Job) -> None:
    """Delete rows that were done a week ago; dead ones stay until somebody looks."""
    Job.objects.filter(state=Job.State.DONE, done_at__lt=now() - _KEEP_DONE).delete()
