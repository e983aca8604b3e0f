"""The API's description and its browsable page; both work offline."""

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from kernel.headers import content_security_policy


class Schema(SpectacularAPIView):
    """The OpenAPI 3.1 document."""


# Swagger UI sets styles from its script, which the console's policy forbids.
_SWAGGER_POLICY = content_security_policy(style_src="'self' 'unsafe-inline'")


class ApiDocs(SpectacularSwaggerSplitView):
    """Swagger UI from the sidecar package, its script as a file of its own."""

    url_name = "schema"

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Answer with the policy that this page needs."""
        response = super().finalize_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = _SWAGGER_POLICY
        return response
