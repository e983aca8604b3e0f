"""A person's own account: profile, username, sessions, deletion."""

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from ua_parser import parse

from identity.actions import accounts, sessions
from identity.console.forms import ConfirmationForm, ProfileForm, UsernameForm
from identity.models import UserSession
from identity.queries import personal_keys_of
from kernel.clock import now
from orgs.actions import users
from orgs.doors.console import PersonPage
from orgs.models import Membership, Organization


class Profile(PersonPage):
    """What people see of a person, and the name that stands in addresses."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._draw()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ProfileForm(request.POST)
        if not form.is_valid():
            return self._draw(form=form, status=422)
        done = self.act(
            lambda: users.update_profile(
                actor=self.principal,
                user=self.person,
                display_name=form.cleaned_data["display_name"],
                theme=form.cleaned_data["theme"],
                expected_version=form.cleaned_data["version"],
            ),
            success="Your profile is saved.",
            form=form,
        )
        return self.go("identity:profile") if done.ok else self._draw(form=form, status=done.status)

    def _draw(
        self,
        *,
        form: ProfileForm | None = None,
        username_form: UsernameForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        person = self.person
        initial = {
            "display_name": person.display_name,
            "theme": person.theme,
            "version": person.version,
        }
        return self.render(
            "identity/profile.html",
            status=status,
            form=form or ProfileForm(initial=initial),
            username_form=username_form or UsernameForm(initial={"username": person.username}),
        )


class Username(Profile):
    """Another username; the form stands on the profile's page."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = UsernameForm(request.POST)
        if not form.is_valid():
            return self._draw(username_form=form, status=422)
        before = self.person.username
        done = self.act(
            lambda: users.rename(
                actor=self.principal,
                user=self.person,
                username=form.cleaned_data["username"],
            ),
            success=f"Your username is changed. “{before}” leads to you for 90 days.",
            form=form,
        )
        if not done.ok:
            return self._draw(username_form=form, status=done.status)
        return self.go("identity:profile")


@dataclass(frozen=True, slots=True)
class Device:
    """A session as a person recognises it."""

    session: UserSession
    is_this: bool

    @property
    def name(self) -> str:
        """Return browser and system: `Firefox 131 on Windows`."""
        seen = parse(self.session.user_agent)
        if seen.user_agent is None:
            return "Unknown browser"
        browser = " ".join(filter(None, (seen.user_agent.family, seen.user_agent.major)))
        return f"{browser} on {seen.os.family}" if seen.os else browser

    @property
    def icon(self) -> str:
        """Return the icon of the kind of device."""
        seen = parse(self.session.user_agent)
        handheld = seen.os is not None and seen.os.family in ("iOS", "Android")
        return "smartphone" if handheld else "monitor"


class Sessions(PersonPage):
    """Where a person is signed in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        this = request.session.session_key
        devices = [
            Device(session, is_this=session.session_key == this)
            for session in sessions.sessions_of(self.person)
        ]
        devices.sort(key=lambda device: not device.is_this)
        return self.render("usersessions/usersession_list.html", devices=devices)


class EndSession(PersonPage):
    """The end of one session."""

    def post(self, request: HttpRequest, session: int) -> HttpResponse:
        self.act(
            lambda: sessions.end(actor=self.principal, user=self.person, session_id=session),
            success="The session has ended.",
        )
        return self.go("identity:sessions")


class EndOthers(PersonPage):
    """The end of every session but this one."""

    def post(self, request: HttpRequest) -> HttpResponse:
        self.act(
            lambda: sessions.end_others(
                actor=self.principal,
                user=self.person,
                keep_key=request.session.session_key or "",
            ),
            success="Every other session has ended.",
        )
        return self.go("identity:sessions")


@dataclass(frozen=True, slots=True)
class WhatGoes:
    """What the deletion of an account takes along, and what stands in its way."""

    organizations: Sequence[Organization]
    ownerless: Sequence[Organization]
    has_keys: bool


class Delete(PersonPage):
    """The end of the account, after the password and the username were typed."""

    @method_decorator(reauthentication_required)
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._draw(self._form())

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            _require_fresh_proof(request)
        except ReauthenticationRequired:
            # Not for allauth to catch: it would keep what was posted and repeat it after
            # the password, past our middleware. Nobody is deleted without a last look.
            return self.go("identity:delete_account")
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: accounts.delete(
                actor=self.principal,
                user=self.person,
                confirmation=form.cleaned_data["confirmation"],
            ),
            form=form,
        )
        if not done.ok:
            return self._draw(form, status=done.status)
        get_adapter().logout(request)
        return render(request, "identity/account_deleted.html")

    def _form(self, data: object = None) -> ConfirmationForm:
        return ConfirmationForm(data, wanted=self.person.username, what="the username")

    def _draw(self, form: ConfirmationForm, *, status: int = 200) -> HttpResponse:
        held = list(
            Membership.objects.system_of_user(self.person.pk)
            .present()
            .select_related("organization")
            .order_by("organization__name")
        )
        goes = WhatGoes(
            organizations=[member.organization for member in held],
            ownerless=[
                member.organization
                for member in held
                if member.is_active and member.is_owner and member.organization.owner_count == 1
            ],
            has_keys=personal_keys_of(self.person).live(now()).exists(),
        )
        return self.render("identity/account_delete.html", status=status, form=form, goes=goes)


_require_fresh_proof = reauthentication_required(lambda _request: None)
"""Raises `ReauthenticationRequired` unless the password was typed just now."""
