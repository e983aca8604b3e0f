"""People with passwords, and the cost of what a browser asks, for the tests of sign-in."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.hashers import make_password

from identity.accounts.hashers import Argon2idHasher
from identity.actions import accounts
from kernel.principal import Principal
from orgs.models import User

PASSWORD = "walrus-lantern-42-violet"
SYSTEM = Principal.system("tests")


class CountingHasher(Argon2idHasher):
    """The product's hasher, counting what it is asked for."""

    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        """Count, and hash as usual."""
        type(self).hashed += 1
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Count, and verify as usual."""
        type(self).hashed += 1
        return super().verify(password, encoded)


def person(name: str, *, proved: bool = True, active: bool = True) -> User:
    """Return a person with a password; it is hashed by whatever the settings name."""
    user = User.objects.filter(username=name).first()
    assert user is None
    user = accounts.sign_up(
        actor=SYSTEM, username=name, email=f"{name}@example.com", password=PASSWORD
    )
    if proved:
        accounts.vouch_for_address(actor=SYSTEM, user=user, email=user.email)
    if not active:
        user.is_active = False
        user.save(update_fields=["is_active"])
    assert user.password.startswith(make_password("x").partition("$")[0])
    return user


def costs(first: Callable[[], Any], second: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Return the median CPU seconds of two acts, done in turn so that both see the same noise."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 4):
        for place in (0, 1) if number % 2 else (1, 0):
            started = time.thread_time()
            (first, second)[place]()
            if number >= 4:
                found[place].append(time.thread_time() - started)
    return statistics.median(found[0]), statistics.median(found[1])
