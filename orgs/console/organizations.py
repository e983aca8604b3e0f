"""Pages of a person outside of any organization: the list, a new one, the theme."""

from django import forms
from django.http import HttpRequest, HttpResponse

from kernel.clock import now
from orgs.actions import invitations, organizations, users
from orgs.doors.console import PersonPage
from orgs.models import Invitation, Membership, User


class Home(PersonPage):
    """Leads to the only organization, or to the list."""

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = Membership.objects.system_of_user(self.person.pk).active()
        mine = list(rows.select_related("organization")[:2])
        if len(mine) == 1 and not _waiting(self.person):
            return self.go("console:overview", mine[0].organization.slug)
        return self.go("console:organizations")


class OrganizationList(PersonPage):
    """Where the person is a member, and what waits for their address."""

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = Membership.objects.system_of_user(self.person.pk).active()
        rows = rows.select_related("organization", "custom_role")
        return self.render(
            "orgs/organizations.html",
            memberships=rows.order_by("organization__name", "organization_id")[:200],
            waiting=_waiting(self.person),
        )


class OrganizationForm(forms.Form):
    """A new organization."""

    name = forms.CharField(max_length=120, help_text="What people call it; can be changed later.")
    slug = forms.CharField(
        label="Address",
        max_length=64,
        required=False,
        help_text="Lower-case letters, digits and “-”. Left empty, it is made from the name.",
    )


class NewOrganization(PersonPage):
    """Creates an organization, owned by the person."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_form("orgs/organization_new.html", form=OrganizationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OrganizationForm(request.POST)
        if form.is_valid():
            done = self.act(
                lambda: organizations.create(
                    actor=self.principal, owner=self.person, **form.cleaned_data
                ),
                success="The organization is ready. Invite the people who work with you.",
                form=form,
            )
            if done.value is not None:
                return self.go("console:overview", done.value.slug)
        return self.render_form("orgs/organization_new.html", status=422, form=form)


class Theme(PersonPage):
    """Keeps the colours that the person chose."""

    def post(self, request: HttpRequest) -> HttpResponse:
        theme = request.POST.get("theme", "")
        done = self.act(
            lambda: users.update_profile(actor=self.principal, user=self.person, theme=theme)
        )
        response = self.go("console:home")
        if done.ok:
            # The sign-in page has no person to ask.
            response.set_cookie("theme", theme, max_age=365 * 86400, samesite="Lax")
        return response


def _waiting(person: User) -> list[tuple[Invitation, str]]:
    """Return the invitations to the person's address, each with its link."""
    if not person.email:
        return []
    rows = Invitation.objects.system_live_for(person.email, now())
    return [(row, invitations.link(row)) for row in rows.select_related("organization")[:20]]
