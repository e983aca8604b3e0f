"""Addresses of the kernel: the probes, the fixed addresses and the pages of errors.

They ask for no sign-in and tell no secret.
"""

from django.urls import path

from kernel.api.errors_page import error_page, errors_index
from kernel.health import healthz, readyz
from kernel.metrics.view import metrics
from kernel.well_known import change_password, security_txt

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path(".well-known/change-password", change_password, name="change_password"),
    path("docs/errors", errors_index, name="errors"),
    path("docs/errors/<str:code>", error_page, name="error"),
]
