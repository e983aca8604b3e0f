"""Which release this code is."""

RELEASE = "0.2.0"
"""The version in pyproject.toml; a test compares them."""
