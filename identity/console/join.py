"""Joining by an invitation's link.

The link's token is a secret: the first request puts it into the session and leads on to
an address without it, so that it stays out of histories, logs and Referer headers.
"""

from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from identity.accounts.adapter import INVITATION_IN_SESSION, PROOF_IN_SESSION
from identity.actions import accounts
from kernel.database import scope
from kernel.errors import DomainError, Missing
from kernel.principal import Principal
from kernel.transient import again_if_undone
from orgs.actions import invitations
from orgs.doors.console import status_of
from orgs.errors import AlreadyMember, InvitationEnded, SeatLimitReached, WrongAccount
from orgs.models import Invitation, User


@method_decorator(never_cache, name="dispatch")
class FollowLink(View):
    """The link of the mail, or the one that an admin copied."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        request.session[INVITATION_IN_SESSION] = token
        request.session[PROOF_IN_SESSION] = request.GET.get("proof", "")
        response = redirect("identity:join")
        response["Referrer-Policy"] = "no-referrer"
        return response


@method_decorator([never_cache, sensitive_variables("token")], name="dispatch")
class Join(View):
    """The invitation that was followed, and its acceptance."""

    def get(self, request: HttpRequest) -> HttpResponse:
        token = request.session.get(INVITATION_IN_SESSION, "")
        try:
            invitation = invitations.find(token) if token else _nothing_followed()
        except (Missing, InvitationEnded) as error:
            return _refused(request, error)
        scope.enter(invitation.organization_id)
        user = request.user
        if not isinstance(user, User):
            return _signed_out(request, invitation)
        if invitation.email not in accounts.verified_addresses(user):
            return _page(request, "identity/join_wrong_account.html", invitation, status=403)
        return _page(request, "identity/join.html", invitation)

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.session.get(INVITATION_IN_SESSION, "")
        user = request.user
        if not token or not isinstance(user, User):
            return redirect("identity:join")
        principal: Principal = request.principal  # type: ignore[attr-defined] # middleware
        try:
            invitation = invitations.find(token)
            scope.enter(invitation.organization_id)
            member = again_if_undone(
                lambda: invitations.accept(
                    actor=principal,
                    token=token,
                    user=user,
                    addresses=accounts.verified_addresses(user),
                )
            )
        except WrongAccount:
            return redirect("identity:join")
        except AlreadyMember as error:
            _forget(request)
            messages.info(request, error.detail)
            return redirect("console:overview", invitation.organization.slug)
        except SeatLimitReached as error:
            page = "identity/join_no_seat.html"
            return _page(request, page, invitation, status=status_of(error), error=error)
        except DomainError as error:
            return _refused(request, error)
        _forget(request)
        messages.success(request, f"Welcome to {member.organization.name}.")
        return redirect("console:overview", member.organization.slug)


class SwitchAccount(View):
    """Sign out, keep the invitation, and come back to it with another account."""

    def post(self, request: HttpRequest) -> HttpResponse:
        kept = {
            name: request.session[name]
            for name in (INVITATION_IN_SESSION, PROOF_IN_SESSION)
            if name in request.session
        }
        get_adapter().logout(request)
        request.session.update(kept)
        return redirect("identity:join")


def _signed_out(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Offer to sign up or in.

    Whoever followed the mailed link reads that mailbox: allauth then takes the address as
    proved (`is_email_verified`). So does an installation without mail, where no link can
    come by mail and the one that an admin hands over is all there is.
    """
    proof = request.session.get(PROOF_IN_SESSION, "")
    is_proved = settings.STEWARD_MAIL_OUTBOX or invitations.proves_mailbox(invitation, proof)
    if is_proved:
        get_adapter().stash_verified_email(request, invitation.email)
    query = urlencode({"next": "/join", "email": invitation.email})
    return _page(request, "identity/join_signed_out.html", invitation, query=query)


def _forget(request: HttpRequest) -> None:
    for name in (INVITATION_IN_SESSION, PROOF_IN_SESSION):
        request.session.pop(name, None)


def _nothing_followed() -> Invitation:
    raise Missing("Open the link in the mail with your invitation.")


def _page(
    request: HttpRequest,
    template: str,
    invitation: Invitation,
    *,
    status: int = 200,
    **extra: object,
) -> HttpResponse:
    context = {
        "invitation": invitation,
        "organization": invitation.organization,
        "teams": [place.team for place in invitation.teams.select_related("team")],
        **extra,
    }
    return render(request, template, context, status=status)


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    _forget(request)
    return render(request, "identity/join_refused.html", {"error": error}, status=status_of(error))
