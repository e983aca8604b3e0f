"""SCIM's language (RFC 7643, 7644): resources, filters, paths and patches, without a database.

`read` makes canonical resources of what clients send, `patch` changes them, `projection`
shows parts of them; `grammar` reads filters, `bound` ties them to a resource type and
`evaluate` decides them. What no client may send is a `refusals.Refusal`.
"""
