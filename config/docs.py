"""The API's description and its browsable page; both work offline."""

from typing import Any

from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class Schema(SpectacularAPIView):
    """The OpenAPI 3.1 document."""


# Swagger UI sets styles from its script, which the console's policy forbids.
_SWAGGER_POLICY: dict[str, Any] = {
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
}


@method_decorator(csp_replace(_SWAGGER_POLICY), name="dispatch")
class ApiDocs(SpectacularSwaggerSplitView):
    """Swagger UI from the sidecar package, its script as a file of its own."""

    url_name = "schema"
