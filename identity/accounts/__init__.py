"""The allauth room: its adapter, forms and hasher. Nothing else drives allauth.

The pages of signing in, up and out, of addresses, passwords and sessions are allauth's
views in our templates; what they change goes through `identity.actions`.
"""
