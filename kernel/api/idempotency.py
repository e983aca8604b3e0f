"""Idempotency-Key on POST: the same request twice has one effect and one answer.

(IETF draft-ietf-httpapi-idempotency-key-header; manners of Stripe's API.) The answer is
stored in the transaction of the effect, so there is never one without the other, whatever
dies between them. Errors are not stored: an error changed nothing, so trying again with
the same key may succeed.

Actions below must not be `atomic(durable=True)`: they run inside this transaction.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel.api.caller import caller_key, principal_of
from kernel.clock import now
from kernel.errors import BadParameter, Conflict, Invalid
from kernel.idempotency.models import LIFETIME, IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
_FORM = re.compile(r"[\x21-\x7e]{1,255}")
_FIRST_ERROR = 400
_FIRST_SERVER_ERROR = 500
_NOT_KEPT = frozenset({"content-type", "content-length", "set-cookie"})


class IdempotencyKeyInvalid(BadParameter):
    """The key is empty, too long, or holds something else than visible ASCII."""

    code = "idempotency_key_invalid"
    title = "The idempotency key is not valid"


class IdempotencyKeyReused(Invalid):
    """The key came before, with another body."""

    code = "idempotency_key_reused"
    title = "The idempotency key belongs to another request"


class IdempotencyInProgress(Conflict):
    """The first request with this key is still being worked on."""

    code = "idempotency_in_progress"
    title = "The same request is in progress"
    retry_after_seconds = 1


class IdempotentPosts(APIView):
    """A base for views whose POST may carry an Idempotency-Key."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Put the replay in front of the POST handler, if a key came.

        This is the last hook before DRF looks the handler up on the view, which is made
        anew for every request; authentication, permission and limits are checked by then.
        """
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and HEADER in request.headers:
            handler = getattr(self, "post", self.http_method_not_allowed)
            self.post = _once(request, handler)


def _once(request: Request, handler: Callable[..., Any]) -> Callable[..., HttpResponse]:
    def answer(handled: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return answer_once(request, lambda: handler(handled, *args, **kwargs))

    return answer


def answer_once(request: Request, produce: Callable[[], Response]) -> HttpResponse:
    """Answer a request that carries a key: from memory, or by `produce` and remember.

    Raises `IdempotencyKeyReused` for the same key with another body, and
    `IdempotencyInProgress` while the first request with it has not ended.
    """
    key = request.headers.get(HEADER, "")
    if not _FORM.fullmatch(key):
        raise IdempotencyKeyInvalid(
            f"{HEADER} holds 1 to 255 visible ASCII characters; a UUID is a good choice.",
            parameter=HEADER,
        )
    # By credential, not by principal alone: an answer may hold a secret that a narrower key
    # of the same person must not be told.
    through = principal_of(request).credential.id
    digest = _hash(caller_key(request), through, str(request.method), request.path, key)
    fingerprint = _hash(request.META.get("QUERY_STRING", ""), request._request.body)
    try:
        with transaction.atomic():
            _hold(digest)
            return _recall(digest, fingerprint) or _perform(digest, fingerprint, produce)
    except _SameKeyMeanwhile:
        raise IdempotencyInProgress("Ask again in a moment for its answer.") from None


class _SameKeyMeanwhile(Exception):
    """Another request with the same key committed first: this one's effect is undone."""


def _hold(digest: str) -> None:
    """Keep other requests with this key out until the transaction ends.

    An insert would make them wait for us; they shall be told instead. SQLite needs no
    lock: it has one writer, and whoever waited finds the answer.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise IdempotencyInProgress("Ask again in a moment for its answer.")


def _recall(digest: str, fingerprint: str) -> HttpResponse | None:
    kept = IdempotencyKey.objects.filter(digest=digest).first()
    if kept is None:
        return None
    if kept.expires_at <= now():
        kept.delete()
        return None
    if kept.fingerprint != fingerprint:
        raise IdempotencyKeyReused("Use a new key for a new request; this one had another body.")
    data = json.loads(kept.body) if kept.body else None
    return Response(data, status=kept.status, headers={**kept.headers, REPLAYED_HEADER: "true"})


def _perform(digest: str, fingerprint: str, produce: Callable[[], Response]) -> HttpResponse:
    response = produce()
    if response.status_code >= _FIRST_ERROR:
        if response.status_code >= _FIRST_SERVER_ERROR:
            transaction.set_rollback(True)
        return response
    kept = IdempotencyKey(
        digest=digest,
        fingerprint=fingerprint,
        status=response.status_code,
        headers={
            name: value
            for name, value in response.headers.items()
            if name.lower() not in _NOT_KEPT
        },
        body=JSONRenderer().render(response.data).decode(),
        expires_at=now() + LIFETIME,
    )
    try:
        with transaction.atomic():
            kept.save(force_insert=True)
    except IntegrityError:
        raise _SameKeyMeanwhile from None
    return response


def _hash(*parts: str | bytes) -> str:
    """Hash parts so that no two lists of parts look alike."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()
