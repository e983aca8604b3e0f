"""SCIM 2.0 on the wire (RFC 7644): the only room that knows django-scim2.

From it come the base view, its exceptions and constants. Filters, PATCH, lists, projection,
ETags, Bulk and both dialects are our own (`identity.resources`, `identity.directory`): it has
none of them, or in a form that identity providers trip over (docs/scim.md).
Tests: tests/conformance/scim/, tests/identity/scim/.
"""
