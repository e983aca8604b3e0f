"""Addresses of the kernel: the probes. They ask for no sign-in and tell no secret."""

from django.urls import path

from kernel.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
