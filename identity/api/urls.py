"""Addresses of the keys' API, under /api/v1/."""

from django.urls import path

from identity.api import keys, me, provisioning

app_name = "identity_api"

urlpatterns = [
    path("me", me.MeView.as_view(), name="me"),
    path(
        "organizations/<str:organization>/api-keys", keys.KeysView.as_view(), name="api-keys"
    ),
    path(
        "organizations/<str:organization>/api-keys/<str:key>",
        keys.KeyView.as_view(),
        name="api-key",
    ),
    path(
        "organizations/<str:organization>/api-keys/<str:key>/rotate",
        keys.RotateView.as_view(),
        name="api-key-rotate",
    ),
    path(
        "organizations/<str:organization>/api-keys/<str:key>/overlap",
        keys.OverlapView.as_view(),
        name="api-key-overlap",
    ),
    path(
        "organizations/<str:organization>/service-accounts/<str:account>/keys",
        keys.AccountKeysView.as_view(),
        name="service-account-keys",
    ),
    path(
        "organizations/<str:organization>/provisioning/connections",
        provisioning.ConnectionsView.as_view(),
        name="provisioning-connections",
    ),
    path(
        "organizations/<str:organization>/provisioning/connections/<str:connection>",
        provisioning.ConnectionView.as_view(),
        name="provisioning-connection",
    ),
    path(
        "organizations/<str:organization>/provisioning/connections/<str:connection>/tokens",
        provisioning.ConnectionTokensView.as_view(),
        name="provisioning-tokens",
    ),
    path(
        "organizations/<str:organization>/provisioning/log",
        provisioning.EntriesView.as_view(),
        name="provisioning-log",
    ),
    path(
        "organizations/<str:organization>/provisioning/log/<str:entry>",
        provisioning.EntryView.as_view(),
        name="provisioning-entry",
    ),
    path(
        "organizations/<str:organization>/provisioning/groups",
        provisioning.ProvisionedGroupsView.as_view(),
        name="provisioned-groups",
    ),
    path(
        "organizations/<str:organization>/provisioning/groups/<str:group>",
        provisioning.ProvisionedGroupView.as_view(),
        name="provisioned-group",
    ),
]
