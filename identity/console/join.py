"""Joining by an invitation's link.

The link's token is a secret: the first request puts it into the session and leads on to
an address without it, so that it stays out of histories, logs and Referer headers.
"""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from identity.accounts.adapter import INVITATION_IN_SESSION
from identity.actions import accounts
from kernel.errors import DomainError, Missing
from kernel.principal import Principal
from orgs.actions import invitations
from orgs.doors.console import status_of
from orgs.errors import AlreadyMember, InvitationEnded, SeatLimitReached, WrongAccount
from orgs.models import Invitation, User


@method_decorator(never_cache, name="dispatch")
class FollowLink(View):
    """The link of the mail."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        request.session[INVITATION_IN_SESSION] = token
        return _without_referrer(redirect("identity:join"))


@method_decorator([never_cache, sensitive_variables("token")], name="dispatch")
class Join(View):
    """The invitation that was followed, and its acceptance."""

    def get(self, request: HttpRequest) -> HttpResponse:
        token = request.session.get(INVITATION_IN_SESSION, "")
        try:
            invitation = invitations.find(token) if token else _nothing_followed()
        except (Missing, InvitationEnded) as error:
            return _refused(request, error)
        user = request.user
        if not isinstance(user, User):
            # The link came by mail, so whoever has it reads that mailbox: allauth takes
            # the address as proved at sign-up (`is_email_verified`).
            get_adapter().stash_verified_email(request, invitation.email)
            return _page(request, "identity/join_signed_out.html", invitation)
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
            member = invitations.accept(
                actor=principal,
                token=token,
                user=user,
                addresses=accounts.verified_addresses(user),
            )
        except WrongAccount:
            return redirect("identity:join")
        except AlreadyMember as error:
            del request.session[INVITATION_IN_SESSION]
            messages.info(request, error.detail)
            return redirect("console:overview", invitation.organization.slug)
        except SeatLimitReached as error:
            page = "identity/join_no_seat.html"
            return _page(request, page, invitation, status=status_of(error), error=error)
        except DomainError as error:
            return _refused(request, error)
        del request.session[INVITATION_IN_SESSION]
        messages.success(request, f"Welcome to {member.organization.name}.")
        return redirect("console:overview", member.organization.slug)


class SwitchAccount(View):
    """Sign out, keep the invitation, and come back to it with another account."""

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.session.get(INVITATION_IN_SESSION)
        logout(request)
        if token:
            request.session[INVITATION_IN_SESSION] = token
        return redirect("identity:join")


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
    return _without_referrer(render(request, template, context, status=status))


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    request.session.pop(INVITATION_IN_SESSION, None)
    return render(request, "identity/join_refused.html", {"error": error}, status=status_of(error))


def _without_referrer(response: HttpResponse | HttpResponseRedirect) -> HttpResponse:
    response["Referrer-Policy"] = "no-referrer"
    return response
