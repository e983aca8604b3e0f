"""Addresses of the kernel: the probes and the pages of errors.

They ask for no sign-in and tell no secret.
"""

from django.urls import path

from kernel.api.errors_page import error_page, errors_index
from kernel.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("docs/errors", errors_index, name="errors"),
    path("docs/errors/<str:code>", error_page, name="error"),
]
