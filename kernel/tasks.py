"""The one Celery task: run a job row."""

import uuid

from celery import shared_task

from kernel.jobs.relay import TASK
from kernel.jobs.run import run


@shared_task(name=TASK, acks_late=True, ignore_result=True)  # type: ignore[untyped-decorator]
def run_job(job_id: str) -> None:
    """Run the row with this id, if it is due and free."""
    run(uuid.UUID(job_id))
