"""What other programs look for at fixed addresses (RFC 8615)."""

import datetime as dt

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from kernel.clock import now

_GOOD_FOR = dt.timedelta(days=180)


@require_safe
def security_txt(_request: HttpRequest) -> HttpResponse:
    """Say where to report a vulnerability (RFC 9116), if the operator named a contact.

    The document holds for half a year from the day on which it is read, so it expires
    when the installation is gone and never while it is served.
    """
    contact = settings.STEWARD_SECURITY_CONTACT.strip()
    if not contact:
        raise Http404
    if "@" in contact and ":" not in contact:
        contact = f"mailto:{contact}"
    expires = (now() + _GOOD_FOR).astimezone(dt.UTC)
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%d}T00:00:00Z",
        "Preferred-Languages: en",
        f"Canonical: {settings.STEWARD_BASE_URL}/.well-known/security.txt",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def change_password(_request: HttpRequest) -> HttpResponse:
    """Lead password managers to the page where the password is changed (W3C)."""
    return redirect("account_change_password")
