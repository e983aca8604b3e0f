"""Argon2id at OWASP's minimum: 19 ms of CPU a sign-in instead of 190."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """m=19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet)."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
