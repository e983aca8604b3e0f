"""The people over REST: one file per noun, its representations and endpoints together.

Thin: an endpoint reads the request, calls one action or query, and shows what came back.
Tests: tests/wire/, tests/conformance/.
"""
