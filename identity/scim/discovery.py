"""What this server can do and what its resources look like (RFC 7643 §5, §6, §7).

Anybody may ask: it tells the product's form and nothing of an organization.
"""

from typing import Any, ClassVar

from django_scim.constants import SchemaURI

from identity.directory.lists import MOST, USUAL
from identity.resources.schema import RESOURCE_TYPES, SCHEMA_URN
from identity.scim.bulk import MOST_OPERATIONS
from identity.scim.door import Answer, Door
from kernel.errors import Denied, Missing
from kernel.limits import SCIM_BODY_BYTES


class DiscoveryDoor(Door):
    """What these endpoints share."""

    is_public: ClassVar[bool] = True
    http_method_names: ClassVar[list[str]] = ["get", "head"]

    def refuse_filter(self) -> None:
        """Raise `Denied` for a filter (RFC 7644 §4)."""
        if "filter" in self.request.GET:
            raise Denied("What this server can do is not filtered.")

    def listed(self, resources: list[dict[str, Any]]) -> Answer:
        """Answer with all of them."""
        self.refuse_filter()
        return Answer(
            {
                "schemas": [SchemaURI.LIST_RESPONSE],
                "totalResults": len(resources),
                "itemsPerPage": len(resources),
                "startIndex": 1,
                "Resources": resources,
            }
        )

    def picked(self, resources: list[dict[str, Any]]) -> Answer:
        """Answer with the one that the address names."""
        wanted = self.kwargs["id"].lower()
        for resource in resources:
            if str(resource["id"]).lower() == wanted:
                return Answer(resource)
        raise Missing(f"There is nothing named “{self.kwargs['id']}” here.")

    def schemas(self) -> list[dict[str, Any]]:
        """Return every schema."""
        found = {}
        for kind in RESOURCE_TYPES:
            for schema in kind.schemas():
                found[schema.urn] = schema.document() | {
                    "schemas": [SCHEMA_URN],
                    "meta": {
                        "resourceType": "Schema",
                        "location": f"{self.base}/Schemas/{schema.urn}",
                    },
                }
        return list(found.values())

    def resource_types(self) -> list[dict[str, Any]]:
        """Return every resource type."""
        return [
            kind.document(f"{self.base}/ResourceTypes/{kind.name}") for kind in RESOURCE_TYPES
        ]


class ServiceProviderConfigView(DiscoveryDoor):
    """What the server can do."""

    def on_get(self) -> Answer:
        """Tell it."""
        self.refuse_filter()
        return Answer(
            {
                "schemas": [SchemaURI.SERVICE_PROVIDER_CONFIG],
                "documentationUri": self.request.build_absolute_uri("/api/docs"),
                "patch": {"supported": True},
                "bulk": {
                    "supported": True,
                    "maxOperations": MOST_OPERATIONS,
                    "maxPayloadSize": SCIM_BODY_BYTES,
                },
                "filter": {"supported": True, "maxResults": MOST},
                "changePassword": {"supported": False},
                "sort": {"supported": True},
                "etag": {"supported": True},
                "pagination": {
                    "cursor": True,
                    "index": True,
                    "defaultPaginationMethod": "index",
                    "defaultPageSize": USUAL,
                    "maxPageSize": MOST,
                },
                "authenticationSchemes": [
                    {
                        "type": "oauthbearertoken",
                        "name": "Provisioning token",
                        "description": "Authorization: Bearer, with a token of the connection",
                        "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                        "primary": True,
                    },
                    {
                        "type": "httpbasic",
                        "name": "API key of an organization admin",
                        "description": "HTTP Basic with the key as the password",
                        "specUri": "https://www.rfc-editor.org/rfc/rfc7617",
                        "primary": False,
                    },
                ],
                "meta": {
                    "resourceType": "ServiceProviderConfig",
                    "location": f"{self.base}/ServiceProviderConfig",
                },
            }
        )


class SchemasView(DiscoveryDoor):
    """All schemas."""

    def on_get(self) -> Answer:
        """List them."""
        return self.listed(self.schemas())


class SchemaView(DiscoveryDoor):
    """One schema."""

    def on_get(self) -> Answer:
        """Show it."""
        return self.picked(self.schemas())


class ResourceTypesView(DiscoveryDoor):
    """All resource types."""

    def on_get(self) -> Answer:
        """List them."""
        return self.listed(self.resource_types())


class ResourceTypeView(DiscoveryDoor):
    """One resource type."""

    def on_get(self) -> Answer:
        """Show it."""
        return self.picked(self.resource_types())
