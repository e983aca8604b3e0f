"""A middleware of the chaos tests: it stops a request between its commit and its answer.

It waits as long as the file `pause` lies in the data directory, and says so with `paused`.
"""

import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class PauseMiddleware:
    """The outermost one: what it is given back is committed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.directory = Path(settings.STEWARD_DATA_DIR)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "POST" and (self.directory / "pause").exists():
            (self.directory / "paused").touch()
            while (self.directory / "pause").exists():
                time.sleep(0.02)
        return response
