"""Every address of the service, by room."""

from django.urls import URLPattern, URLResolver, include, path

from config.docs import ApiDocs, Schema

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("kernel.urls")),
    path("api/schema", Schema.as_view(), name="schema"),
    path("api/docs", ApiDocs.as_view(), name="api-docs"),
    path("api/v1/", include("identity.api.urls")),
    path("api/v1/", include("orgs.api.urls")),
    path("", include("identity.scim.urls")),
    path("", include("identity.console.urls")),
    path("account/", include("allauth.account.urls")),
    path("", include("orgs.console.urls")),
]

handler400 = "kernel.http.bad_request"
handler403 = "kernel.http.permission_denied"
handler404 = "kernel.http.page_not_found"
# Not of Django: allauth looks here for the answer of its rate limits.
handler429 = "kernel.http.too_many_requests"
handler500 = "kernel.http.server_error"
