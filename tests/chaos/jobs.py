"""Jobs that exist only in the chaos tests: slow ones, and such as harm their worker.

Each start is noted outside of the job's transaction, each effect inside of it, in two tables
that belong to the tests (`TABLES`).
"""

import dataclasses
import os
import signal
import time

import psycopg
from django.conf import settings
from django.db import connection

from config.wiring import WIRING as PRODUCT
from kernel.jobs.models import Job
from kernel.wiring import JobKind, Schedule

TABLES = """
CREATE TABLE chaos_start (op text, pid int, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE chaos_effect (op text, pid int, at timestamptz DEFAULT clock_timestamp());
"""
EVERY_SECOND = "chaos.tick"


def effect(job: Job) -> None:
    """Work for `seconds` within the job's own transaction, then have one effect."""
    _note_start(job)
    seconds = float(job.payload.get("seconds", 0))
    with connection.cursor() as cursor:
        while seconds > 0:
            cursor.execute("SELECT pg_sleep(%s)", [min(seconds, 1)])
            seconds -= 1
        cursor.execute(
            "INSERT INTO chaos_effect (op, pid) VALUES (%s, %s)", [_operation(job), os.getpid()]
        )


def leave(job: Job) -> None:
    """End the process without a word."""
    _note_start(job)
    os._exit(9)


def kill(job: Job) -> None:
    """Kill the process as the kernel does when memory runs out."""
    _note_start(job)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(10)


def devour(job: Job) -> None:
    """Take memory until there is none."""
    _note_start(job)
    taken = []
    while True:
        # Of addresses, which are limited; memory itself is not touched.
        taken.append(bytes(64_000_000))


def _note_start(job: Job) -> None:
    known = settings.DATABASES["default"]
    with psycopg.connect(
        host=known["HOST"], port=known["PORT"] or 5432, user=known["USER"],
        password=known["PASSWORD"] or None, dbname=known["NAME"], autocommit=True,
    ) as beside:  # fmt: skip
        beside.execute(
            "INSERT INTO chaos_start (op, pid) VALUES (%s, %s)", [_operation(job), os.getpid()]
        )


def _operation(job: Job) -> str:
    return str(job.payload.get("op") or job.payload["slot"])


WIRING = dataclasses.replace(
    PRODUCT,
    jobs={
        **PRODUCT.jobs,
        "chaos.effect": JobKind(effect),
        "chaos.leave": JobKind(leave),
        "chaos.kill": JobKind(kill),
        "chaos.devour": JobKind(devour, transactional=False),
        EVERY_SECOND: JobKind(effect),
    },
    schedules={**PRODUCT.schedules, "chaos_tick": Schedule(1, EVERY_SECOND)}
    if os.environ.get("STEWARD_CHAOS_TICK")
    else PRODUCT.schedules,
)
