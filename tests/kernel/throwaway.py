"""Small views that exist for the tests of the API's manners and of the request's frame."""

import threading
import uuid
from typing import Any

from django.core import exceptions as django_errors
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.http import Http404, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import path
from rest_framework import authentication, serializers
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel import errors
from kernel.api.endpoint import Endpoint
from kernel.api.etag import expected_version, respond
from kernel.api.idempotency import IdempotentPosts
from kernel.api.pagination import KeysetPagination
from kernel.api.throttle import RateLimited
from kernel.clock import now
from kernel.database.scope import across
from kernel.events.models import ChainHead
from kernel.http import too_many_requests
from kernel.jobs.models import Job
from kernel.principal import Principal, PrincipalKind


class ByHeader(authentication.BaseAuthentication):
    """`Authorization: Bearer <number>` is the user of this number; 0 is nobody's key."""

    def authenticate(self, request: Request) -> tuple[None, None] | None:
        """Set the principal."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return None
        if given == "0":
            raise drf.AuthenticationFailed("This key is not known.", code="key_unknown")
        request.principal = Principal(PrincipalKind.USER, uuid.UUID(int=int(given)), "ada")
        return None


class Plain(APIView):
    """Without the product's authentication and permissions."""

    authentication_classes = [ByHeader]
    permission_classes: list[Any] = []


class Effects(IdempotentPosts, Plain):
    """Each POST leaves one row."""

    enter, leave = threading.Event(), threading.Event()

    @across("the rows are of no organization")
    def post(self, request: Request) -> HttpResponse:
        """Do what the body says: succeed, answer or raise an error, or wait."""
        job = Job.objects.create(kind="effect", due_at=now(), created_at=now())
        match request.data.get("do"):
            case "refuse":
                raise errors.Conflict("no")
            case "answer 400":
                return Response({"no": True}, status=400)
            case "answer 500":
                return Response({"no": True}, status=500)
            case "wait":
                self.enter.set()
                self.leave.wait(20)
        body = {"id": job.wire_id, "secret": "shown once"}
        return Response(body, status=201, headers={"Location": f"/jobs/{job.wire_id}"})


class Circles(Endpoint, Plain):
    """Each POST holds rows one by one, in the order that it names; the first two meet between."""

    noun = "circles"
    query_parameters = classmethod(lambda _cls, _method: frozenset())
    met = threading.Barrier(2)

    @across("the rows are of no organization or of two")
    def post(self, request: Request) -> HttpResponse:
        """Leave one row, and say how often it was tried."""
        self.attempts = getattr(self, "attempts", 0) + 1
        with transaction.atomic():
            Job.objects.create(kind="circle", due_at=now(), created_at=now())
            first, second = request.data["rows"]
            ChainHead.objects.select_for_update().get(pk=first)
            if self.attempts == 1:
                self.met.wait(20)
            ChainHead.objects.select_for_update().get(pk=second)
        return Response({"attempts": self.attempts}, status=201)


class Bare(IdempotentPosts, Plain):
    """Takes no POST."""

    def get(self, request: Request) -> Response:
        """Answer."""
        return Response({})


class Thing:
    """Something with versions."""

    pk, version = 5, 3


class Versions(Plain):
    """One object with a version."""

    def get(self, request: Request) -> Response:
        """Show it."""
        return respond(request, Thing(), lambda: {"id": 5})

    def patch(self, request: Request) -> Response:
        """Say which version the caller means."""
        expected = expected_version(request)
        if expected is not None and expected != Thing.version:
            raise errors.Stale(current_version=Thing.version)
        return Response({"expected": expected})


class Pages(Plain):
    """Jobs in pages, in the order that the query names."""

    pagination = KeysetPagination

    @across("the rows are of no organization")
    def get(self, request: Request) -> Response:
        """List a page."""
        paginator = self.pagination()
        page = paginator.paginate_queryset(Job.objects.all(), request, self)
        return paginator.get_paginated_response([job.wire_id for job in page])


class Ordered(Pages):
    """Jobs by the order that the caller chooses."""

    def get_page_order(self, request: Request) -> str:
        """Return the order."""
        return request.query_params.get("order", "due_at")


class Limited(RateLimited, Plain):
    """Limited by the settings."""

    def get(self, request: Request) -> Response:
        """Answer."""
        return Response({})


class LimitedItself(Limited):
    """Limited by a budget of its own."""

    rate_scope, rate_limit = "own", 2


class Form(serializers.Serializer[Any]):
    """A body with what can go wrong in one."""

    name = serializers.CharField(max_length=3)
    rows = serializers.ListField(child=serializers.IntegerField(), required=False)

    def validate(self, data: Any) -> Any:
        """Refuse the whole."""
        if data["name"] == "all":
            raise serializers.ValidationError("Not all.", code="whole")
        return data


class SeatLimit(errors.LimitReached):
    """A family's child."""

    code = "seat_limit"
    title = "No seat is free"


FAILURES: dict[str, Any] = {
    "domain": errors.DomainError("It is so."),
    "parameter": errors.BadParameter("Bad.", parameter="q"),
    "limit": errors.LimitReached(upgrade_url="https://x/seats"),
    "child": SeatLimit("All 5 are taken.", limit=5),
    "denied": errors.Denied(permission="member.invite", reason="role viewer lacks it"),
    "missing": errors.Missing(),
    "conflict": errors.Conflict(),
    "gone": errors.Gone(),
    "stale": errors.Stale(current_version=4),
    "invalid": errors.Invalid.field("a/b~c", "No.", code="odd"),
    "throttled": errors.Throttled(retry_after_seconds=7),
    "unavailable": errors.Unavailable(),
    "drf-parse": drf.ParseError("bad"),
    "drf-404": drf.NotFound("row 5 of table x"),
    "drf-403": drf.PermissionDenied("no"),
    "drf-401": drf.NotAuthenticated(),
    "drf-401-code": drf.AuthenticationFailed("old", code="key_expired"),
    "drf-405": drf.MethodNotAllowed("PUT"),
    "drf-406": drf.NotAcceptable(),
    "drf-415": drf.UnsupportedMediaType("text/x"),
    "drf-429": drf.Throttled(wait=1.2),
    "http404": Http404("row 5"),
    "http403": django_errors.PermissionDenied("no"),
    "too-big": django_errors.RequestDataTooBig(),
    "suspicious": django_errors.SuspiciousOperation("secret detail"),
    "bad-request": django_errors.BadRequest("secret detail"),
    "cut": UnreadablePostError("cut"),
    "db-busy": OperationalError("database is locked"),
    "db-gone": InterfaceError("connection already closed"),
    "db-table": OperationalError("no such table: x"),
    "unique": IntegrityError("UNIQUE constraint failed: kernel_job.unique_key"),
    "integrity": IntegrityError("NOT NULL constraint failed"),
    "bug": ZeroDivisionError("secret detail"),
}


class Fails(Plain):
    """Raises what its URL names."""

    def get(self, request: Request, name: str) -> Response:
        """Fail."""
        if name == "db-real":
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM table_that_is_not")
        raise FAILURES[name]

    def post(self, request: Request, name: str) -> Response:
        """Check a body."""
        form = Form(data=request.data)
        form.is_valid(raise_exception=True)
        return Response({})


def page_fails(_request: Any, name: str) -> HttpResponse:
    """Fail in a page."""
    match name:
        case "403":
            raise django_errors.PermissionDenied("You lack member.invite.")
        case "404":
            raise Http404("row 5 of table x")
        case "400":
            raise django_errors.BadRequest("secret detail")
        case "db-busy":
            raise OperationalError("database is locked")
        case _:
            raise ZeroDivisionError("secret detail")


def origin(request: Any) -> HttpResponse:
    """Tell what the frame noted."""
    found = request.origin
    return HttpResponse("|".join([found.ip, found.user_agent, found.request_id]))


urlpatterns = [
    path("api/effects", Effects.as_view()),
    path("api/circles", Circles.as_view()),
    path("api/bare", Bare.as_view()),
    path("api/versions", Versions.as_view()),
    path("api/pages", Pages.as_view()),
    path("api/ordered", Ordered.as_view()),
    path("api/limited", Limited.as_view()),
    path("api/limited-itself", LimitedItself.as_view()),
    path("api/fails/<name>", Fails.as_view()),
    path("api/raw/<name>", page_fails),
    path("fails/<name>", page_fails),
    path("origin", origin),
    path("too-often", too_many_requests),
    path("api/too-often", too_many_requests),
]
handler400 = "kernel.http.bad_request"
handler403 = "kernel.http.permission_denied"
handler404 = "kernel.http.page_not_found"
handler500 = "kernel.http.server_error"
