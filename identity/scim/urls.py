"""Addresses of SCIM: `/scim/v2`, `/scim` (as W&B has it) and `/scim/{organization}/v2`.

Each is good with and without a slash at its end.
"""

from django.urls import URLPattern, re_path

from identity.scim import bulk, discovery, groups, roles, search, users
from identity.scim.door import Answer, Door
from kernel.errors import Missing

app_name = "scim"

_ID = r"(?P<id>[^/]+)"
_ENDPOINTS: tuple[tuple[str, type[Door]], ...] = (
    ("Users", users.UsersView),
    (r"Users/\.search", search.UserSearchView),
    (rf"Users/{_ID}", users.UserView),
    ("Groups", groups.GroupsView),
    (r"Groups/\.search", search.GroupSearchView),
    (rf"Groups/{_ID}", groups.GroupView),
    ("ServiceProviderConfigs?", discovery.ServiceProviderConfigView),
    ("Schemas", discovery.SchemasView),
    (rf"Schemas/{_ID}", discovery.SchemaView),
    ("ResourceTypes", discovery.ResourceTypesView),
    (rf"ResourceTypes/{_ID}", discovery.ResourceTypeView),
    (r"Roles/\.search", search.RoleSearchView),
    (r"\.search", search.RootSearchView),
    ("Roles", roles.RolesView),
    (rf"Roles/{_ID}", roles.RoleView),
    ("Me", users.MeView),
    ("Bulk", bulk.BulkView),
    ("", search.RootSearchView),
)


class NothingView(Door):
    """Whatever is no endpoint: the error has SCIM's form there as well."""

    is_public = True

    def _not_allowed(self) -> Answer:
        raise Missing("There is no such endpoint.")


def _at(prefix: str, mount: str) -> list[URLPattern]:
    return [
        re_path(rf"^{prefix}{pattern}/?$", view.as_view(), {"mount": mount})
        for pattern, view in _ENDPOINTS
    ]


urlpatterns: list[URLPattern] = [
    *_at("scim/v2/", "/scim/v2"),
    *_at("scim/", "/scim"),
    *_at(r"scim/(?P<organization>[a-z0-9_-]{1,64})/v2/", "/scim/{organization}/v2"),
    re_path(r"^scim(?:/.*)?$", NothingView.as_view(), {"mount": "/scim/v2"}),
]
