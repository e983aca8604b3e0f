"""Whether a page may point at the local outbox."""

from typing import Any

from django import template
from django.conf import settings

from identity.console.outbox import may_read

register = template.Library()


@register.simple_tag(takes_context=True)
def outbox_is_open(context: dict[str, Any]) -> bool:
    """Return whether mails stay on this machine and the visitor may read them."""
    request = context.get("request")
    return bool(settings.STEWARD_MAIL_OUTBOX and request is not None and may_read(request))
