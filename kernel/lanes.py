"""The lane of programs: API and SCIM pass by the middlewares that serve browsers alone.

A program has no session, no form and no page. What stands between the two classes in
`settings.MIDDLEWARE` cost each of its requests a tenth of its time for nothing, and gave it
a session and a user that its doors must not look at. Hooks that Django calls by itself
(`process_view`, `process_exception`) are called for programs as well: what is put between
must not expect its own attributes on the request there.
"""

import threading
from collections.abc import Callable
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]

PROGRAMS = ("/api/v1/", "/scim/")


class BrowsersEndMiddleware:
    """Ends the part for browsers; django makes the innermost middleware first."""

    made: ClassVar[threading.local] = threading.local()

    def __init__(self, get_response: Handler) -> None:
        self.get_response = self.made.behind = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass every request on."""
        return self.get_response(request)


class BrowsersBeginMiddleware:
    """Begins the part for browsers: programs go on behind its end."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        made = vars(BrowsersEndMiddleware.made)
        if "behind" not in made:
            raise ImproperlyConfigured("MIDDLEWARE needs BrowsersEndMiddleware as well.")
        self._behind: Handler = made.pop("behind")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        is_of_program = request.path_info.startswith(PROGRAMS)
        return self._behind(request) if is_of_program else self.get_response(request)
