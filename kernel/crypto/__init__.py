"""Cryptography at rest and for tokens: the key ring, encrypted fields, digests.

Not here: passwords (Django's hashers) and signing keys (identity).
Tests: tests/kernel/crypto/.
"""
