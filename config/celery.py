"""The Celery application: it runs job rows (`kernel.jobs`); a message is only a wake-up.

`python -m celery -A config.celery worker` and `… beat`. The defaults of Celery lose
tasks when a worker dies; the settings below do not.
"""

import os
import warnings
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")

# It warns root of messages that hold code (pickle); ours are JSON and hold an id.
warnings.filterwarnings("ignore", category=SecurityWarning)

_REDIS = {
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    # Messages that no worker acknowledged come again after so long; they are wake-ups of rows
    # that are done by then, or whose lease says whether they may run.
    "visibility_timeout": settings.STEWARD_VISIBILITY_SECONDS,
}
_AMQP = {"connect_timeout": 2, "write_timeout": 2}
# It looks once a second, and is deaf to signals until then.
_MEMORY = {"polling_interval": 0.1}
_TRANSPORTS = {"redis": _REDIS, "rediss": _REDIS, "amqp": _AMQP, "amqps": _AMQP, "memory": _MEMORY}

app = Celery("steward")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    task_default_queue=settings.STEWARD_JOB_QUEUE,
    broker_connection_retry_on_startup=True,
    # For ever: the sweep goes on without a broker, and Celery's own limit would end it.
    broker_connection_max_retries=None,
    broker_connection_timeout=2,
    # A connection that died without a word is noticed after two of these.
    broker_heartbeat=10,
    broker_transport_options=_TRANSPORTS.get(urlsplit(settings.CELERY_BROKER_URL).scheme, {}),
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_soft_shutdown_timeout=5,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    beat_scheduler="kernel.jobs.beat:RowScheduler",
    beat_max_loop_interval=1,
    task_serializer="json",
    accept_content=["json"],
)
app.autodiscover_tasks(["kernel"])


@setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_our_logging(**_kwargs: Any) -> None:
    """Stop Celery from replacing the structured, redacted logs by its own."""


def _add_sweeper() -> None:
    from kernel.jobs.sweeper import Sweeper  # noqa: PLC0415 - needs Django's apps

    app.steps["worker"].add(Sweeper)


@app.on_after_finalize.connect  # type: ignore[untyped-decorator]
def _finish(**_kwargs: Any) -> None:
    _add_sweeper()
