"""The least that an endpoint asks: that somebody is there (DRF's permission class).

What the principal may do is decided behind the doors. This stands alone because DRF
reads it while its own views are being imported.
"""

from typing import Any

from rest_framework import exceptions as drf
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from kernel.api.caller import principal_of


class IsAuthenticated(BasePermission):
    """Lets in whoever proved to be somebody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise `NotAuthenticated` for strangers, so that they are told how to prove it."""
        if principal_of(request).id is None:
            raise drf.NotAuthenticated(
                "Send an API key: `Authorization: Bearer KEY`, or HTTP Basic with the key as "
                "password, or `X-API-Key`."
            )
        return True
