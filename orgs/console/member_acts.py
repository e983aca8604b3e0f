"""What is done to members: role, seat, deactivation, removal, one by one and in bulk."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from kernel.errors import DomainError, Invalid
from kernel.transient import again_if_undone
from orgs import queries
from orgs.actions import members
from orgs.console.choices import SEATS, parse_role, parse_seat, parse_version
from orgs.console.members import MemberPage, MembersPage, rows_of
from orgs.doors.console import Outcome
from orgs.models import Membership
from orgs.permissions import Permission

_AT_ONCE = 100


class _InlineChange(MemberPage):
    """A choice in a row: answered by the row drawn anew, or by the page without script."""

    permission = Permission.MEMBER_UPDATE

    def post(self, request: HttpRequest, organization: str, member: str) -> HttpResponse:
        version = request.POST.get("version", "")
        done = self.change(parse_version(version))
        if not self.is_fragment:
            return self.go("console:member", organization, member)
        subject = queries.members_of(self.organization).pick(member)
        if not done.ok:
            # Said in the row: it must not wait for the next page as well.
            list(messages.get_messages(request))
        errors = {subject.pk: done.error.detail} if done.error else {}
        return self.render(
            "orgs/members/list.html#row",
            row=rows_of(self, [subject], errors)[0],
            seat_choices=SEATS,
            is_answer=True,
        )

    def change(self, version: int | None) -> Outcome[Membership]:
        """Carry the change out."""
        raise NotImplementedError


class ChangeRole(_InlineChange):
    """Gives another role."""

    def change(self, version: int | None) -> Outcome[Membership]:
        value = self.request.POST.get("role", "")

        def give() -> Membership:
            role, custom = parse_role(self.organization, value, "organization")
            return members.change_role(
                actor=self.principal,
                organization=self.organization,
                member=self.subject,
                role=role,
                custom_role=custom,
                expected_version=version,
            )

        return self.act(give, success=f"The role of {self.subject.user.name} was changed.")


class ChangeSeat(_InlineChange):
    """Gives another seat."""

    def change(self, version: int | None) -> Outcome[Membership]:
        seat = self.request.POST.get("seat", "")
        return self.act(
            lambda: members.change_seat(
                actor=self.principal,
                organization=self.organization,
                member=self.subject,
                seat=parse_seat(seat),
                expected_version=version,
            ),
            success=f"The seat of {self.subject.user.name} was changed.",
        )


class _Confirmed(MemberPage):
    """An act on a member behind a page, or dialog, that says what it does."""

    heading: ClassVar[str]
    button: ClassVar[str]
    explains: ClassVar[str]
    done: ClassVar[str]
    action: ClassVar[Callable[..., Membership]]
    is_danger = True

    def get(self, request: HttpRequest, organization: str, member: str) -> HttpResponse:
        return self._form(forms.Form(), 200)

    def post(self, request: HttpRequest, organization: str, member: str) -> HttpResponse:
        form = forms.Form(request.POST)
        form.is_valid()
        act = type(self).action
        done = self.act(
            lambda: act(
                actor=self.principal, organization=self.organization, member=self.subject
            ),
            success=self.done.format(name=self.subject.user.name),
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:members", organization)

    def _form(self, form: forms.Form, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm.html",
            status=status,
            form=form,
            heading=self.heading.format(name=self.subject.user.name),
            text=self.explains,
            button=self.button,
            is_danger=self.is_danger,
        )


class Deactivate(_Confirmed):
    """Stops a member from working."""

    permission = Permission.MEMBER_UPDATE
    heading = "Deactivate {name}"
    button = "Deactivate"
    explains = (
        "The seat is free at once, keys and sessions end. Team places wait, "
        "and you can bring the person back at any time."
    )
    done = "{name} is deactivated. The seat is free."
    action = members.deactivate


class Reactivate(_Confirmed):
    """Lets a deactivated member work again."""

    permission = Permission.MEMBER_UPDATE
    heading = "Reactivate {name}"
    button = "Reactivate"
    explains = "The person takes a seat of the same type again and works in the same teams."
    done = "{name} is active again."
    action = members.reactivate
    is_danger = False


class Remove(_Confirmed):
    """Takes a member out; members take themselves out by the same page."""

    permission = Permission.ORGANIZATION_READ
    heading = "Remove {name}"
    button = "Remove"
    explains = (
        "The person leaves every team and loses every role, key and session here. "
        "To come back they must be invited again. Their account stays."
    )
    done = "{name} was removed."
    action = members.remove

    def post(self, request: HttpRequest, organization: str, member: str) -> HttpResponse:
        leaves = self.subject.user_id == self.principal.id
        response = super().post(request, organization, member)
        if leaves and response.status_code < 400 and not self._is_still_inside():
            return self.go("console:organizations")
        return response

    def _is_still_inside(self) -> bool:
        rows = Membership.objects.system_of_user(self.person.pk).active()
        return rows.filter(organization=self.organization).exists()


class Bulk(MembersPage):
    """One act on the chosen members: each on its own, with a count of what went wrong."""

    permission = Permission.MEMBER_READ

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        wanted = request.POST.getlist("member")[:_AT_ONCE]
        rows = queries.members_of(self.organization)
        done, refused = 0, []
        for wire_id in wanted:
            subject = rows.pick(wire_id)
            try:
                again_if_undone(partial(self._do, request.POST, subject))
                done += 1
            except DomainError as error:
                refused.append(f"{subject.user.name}: {error.detail}")
        if done:
            messages.success(request, f"Done for {done} of {len(wanted)}.")
        for line in refused[:5]:
            messages.error(request, line)
        if len(refused) > 5:
            messages.error(request, f"{len(refused) - 5} more were refused.")
        if not wanted:
            messages.error(request, "Choose at least one member first.")
        return self.go("console:members", organization)

    def _do(self, sent: Any, subject: Membership) -> None:
        whom: dict[str, Any] = {
            "actor": self.principal,
            "organization": self.organization,
            "member": subject,
        }
        match sent.get("act"):
            case "role":
                role, custom = parse_role(self.organization, sent.get("role", ""), "organization")
                members.change_role(**whom, role=role, custom_role=custom)
            case "seat":
                members.change_seat(**whom, seat=parse_seat(sent.get("seat", "")))
            case "deactivate":
                members.deactivate(**whom)
            case _:
                raise Invalid("Choose what to do with them.")
