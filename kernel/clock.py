"""The one source of time, so that tests can move it and decisions agree."""

import datetime as dt


def now() -> dt.datetime:
    """Return the current moment, aware and in UTC."""
    return dt.datetime.now(tz=dt.UTC)  # noqa: TID251 - the one place
