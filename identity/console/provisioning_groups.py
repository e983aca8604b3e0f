"""The groups of the providers as teams, and which team role their people get."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from identity.actions import provisioning
from identity.console.key_acts import address
from identity.console.provisioning import ProvisioningPage
from identity.console.provisioning_forms import GroupRoleForm
from identity.models import SCIMGroup
from kernel.errors import Missing
from kernel.ids import decode
from kernel.pagination import Order, paginate
from orgs import access
from orgs.models import Role
from orgs.permissions import TEAM_ROLES, Permission

TEAM_CHOICES = tuple((role, role.capitalize()) for role in TEAM_ROLES)


class GroupsPage(ProvisioningPage):
    """What the pages of groups share."""

    tab = "groups"

    @property
    def groups(self) -> QuerySet[SCIMGroup]:
        """Return the groups of teams that the person can see."""
        seen = access.teams_for(self.principal, self.organization)
        return (
            SCIMGroup.objects.of(self.organization)
            .filter(team__in=seen.values("pk"))
            .select_related("team", "custom_role")
        )

    @property
    def list_url(self) -> str:
        """Return the address of the list."""
        return address("provisioning_groups", self.organization.slug)


class Groups(GroupsPage):
    """The groups by name."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        rows, text = self.groups, self.query("q")
        if text:
            rows = rows.filter(display_name_key__contains=text.casefold())
        pages = paginate(
            rows, order=Order("display_name_key"), cursor=self.query("cursor") or None
        )
        return self.render(
            "identity/provisioning/groups.html",
            pages=pages,
            text=text,
            maps=Permission.TEAM_MEMBER_MANAGE in self.held,
        )


class MapGroup(GroupsPage):
    """Another team role for a group's people."""

    def enter(self) -> None:
        """Find the group; whoever may not manage its team is refused by the team."""
        super().enter()
        wanted = decode(SCIMGroup.wire_prefix, self.kwargs["group"])
        found = self.groups.filter(pk=wanted).first()
        if found is None:
            raise Missing
        found.team.organization = self.organization
        access.require(self.principal, Permission.TEAM_MEMBER_MANAGE, found.team)
        self.group = found

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        held = self.group.custom_role.wire_id if self.group.custom_role else self.group.role
        return self._draw(self._form(initial={"role": held}))

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: provisioning.map_group(
                actor=self.principal,
                organization=self.organization,
                group=self.group,
                **form.role_fields(),
            ),
            success=f"The people of {self.group.display_name} have their team role.",
            form=form,
        )
        return self.go(self.list_url) if done.ok else self._draw(form, status=done.status)

    def _form(self, data: object = None, **options: object) -> GroupRoleForm:
        roles = Role.objects.of(self.organization).filter(scope=Role.Scope.TEAM)
        return GroupRoleForm(
            data, built_in=TEAM_CHOICES, roles=roles.order_by("name"), **options
        )

    def _draw(self, form: GroupRoleForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "identity/provisioning/group_role.html",
            status=status,
            form=form,
            group=self.group,
            cancel_url=self.list_url,
        )
