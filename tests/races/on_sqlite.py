"""The races on SQLite, as a program: real processes that share one database file.

Run by tests/races/test_on_sqlite.py in an interpreter of its own, so that it is SQLite
whatever the suite runs on: `python -m tests.races.on_sqlite SCENARIO`.
"""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.db import connections

if TYPE_CHECKING:
    from tests.races.scenarios import Act

_PATIENCE_SECONDS = 100


def in_processes(acts: "Sequence[Act]") -> list[str]:
    """Call the functions at the same moment, one process each.

    The processes are forked, so that they need not import everything anew; the parent
    holds no connection meanwhile, for none may cross a fork.
    """
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(acts))
    answers = [context.SimpleQueue() for _ in acts]
    children = [
        context.Process(target=_call, args=(act, barrier, answer))
        for act, answer in zip(acts, answers, strict=True)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(_PATIENCE_SECONDS)
    assert [child.exitcode for child in children] == [0] * len(children)
    return [answer.get() for answer in answers]


def _call(act: "Act", barrier: Barrier, answer: "multiprocessing.SimpleQueue[str]") -> None:
    from tests.races.scenarios import outcome_of

    with connections["default"].cursor() as cursor:
        # As in `test_on_postgresql`: who wins is tested, not how fast.
        cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE_SECONDS * 1000}")
    barrier.wait(_PATIENCE_SECONDS)
    answer.put(outcome_of(act))
    connections.close_all()


def main() -> None:
    """Build a database and race the named scenario."""
    os.environ["STEWARD_TEST_DATABASE"] = "sqlite"
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    django.setup()
    assert connections["default"].vendor == "sqlite"
    call_command("migrate", verbosity=0, skip_checks=True)
    from tests.races import scenarios

    getattr(scenarios, sys.argv[1])(in_processes)


if __name__ == "__main__":
    main()
