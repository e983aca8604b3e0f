"""The kernel's tables, gathered for Django's app loading."""

from kernel.events.models import ChainHead, Event
from kernel.idempotency.models import IdempotencyKey
from kernel.jobs.models import Job
from kernel.mail.models import Mail

__all__ = ["ChainHead", "Event", "IdempotencyKey", "Job", "Mail"]
