"""Sets the clock of every Python process that finds this folder on its PYTHONPATH.

By WRONG_CLOCK_SECONDS. Only the wall clock is wrong, as on a machine that lost its time
server; the monotonic one counts on. (libfaketime breaks the waiting of Python's threads.)
"""

import datetime as dt
import os

import time_machine

_wrong = dt.datetime.now(tz=dt.UTC) + dt.timedelta(  # noqa: TID251 - it is about this clock
    seconds=float(os.environ["WRONG_CLOCK_SECONDS"])
)
time_machine.travel(_wrong, tick=True).start()
