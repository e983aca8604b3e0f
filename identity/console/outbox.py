"""The mailbox of the embedded set-up: what would have been mailed, for the machine's owner.

Open only while `STEWARD_MAIL_OUTBOX` keeps mails here, and only on this machine itself or
to an instance admin: the mails hold links that are secrets.
"""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from kernel.addresses import is_loopback
from kernel.database import scope
from kernel.errors import DomainError
from kernel.http import origin_of
from kernel.ids import decode
from kernel.mail.models import Mail
from kernel.pagination import Order, paginate
from orgs.models import User

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


@method_decorator(never_cache, name="dispatch")
class OutboxPage(View):
    """What both pages of the outbox demand."""

    def dispatch(self, request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        """Answer as if nothing were here, unless the visitor may read the mails."""
        if not settings.STEWARD_MAIL_OUTBOX or not may_read(request):
            raise Http404
        scope.cross("the machine's owner reads every mail that would have been sent")
        try:
            return super().dispatch(request, *args, **kwargs)
        except DomainError:
            raise Http404 from None


class Outbox(OutboxPage):
    """All mails, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        to = request.GET.get("to", "").replace("\x00", "").strip()
        mails = Mail.objects.defer("text", "html")
        if to:
            mails = mails.filter(recipient__icontains=to)
        page = paginate(mails, order=Order("id", descending=True), cursor=request.GET.get("cursor"))
        return render(request, "identity/outbox.html", {"mails": page, "to": to})


class Message(OutboxPage):
    """One mail."""

    def get(self, request: HttpRequest, mail: str) -> HttpResponse:
        found = Mail.objects.filter(pk=decode(Mail.wire_prefix, mail)).first()
        if found is None:
            raise Http404
        return render(request, "identity/outbox_message.html", {"mail": found})


def may_read(request: HttpRequest) -> bool:
    """Whether the visitor sits at this machine or administers the instance.

    A proxy on this machine makes everybody look local. If it was not announced by
    `STEWARD_TRUSTED_PROXIES`, it gives itself away by its headers.
    """
    user = request.user
    if isinstance(user, User) and user.is_active and user.is_instance_admin:
        return True
    is_forwarded = any(name in request.headers for name in _FORWARDED)
    if is_forwarded and settings.STEWARD_TRUSTED_PROXIES == 0:
        return False
    return is_loopback(origin_of(request).ip)
