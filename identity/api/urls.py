"""Addresses of the keys' API, under /api/v1/."""

from django.urls import path

from identity.api import keys, me

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
]
