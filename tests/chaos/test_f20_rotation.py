"""Failure 20: API keys, encryption keys and peppers are rotated under load."""

import base64
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from tests.chaos.conftest import whole_only
from tests.chaos.house import House, wait_until
from tests.chaos.ledger import Ledger
from tests.chaos.row import Clients, Row, request, two_in_a_row
from tests.chaos.verdict import judge, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

OVERLAP_SECONDS = 2
TOLERATED_SECONDS = 1.0
UNTHROTTLED = {"STEWARD_KEY_FAILURE_RATE": "0"}
"""Dead keys are tried more often than strangers may."""


@pytest.fixture
def row(shared_house) -> Iterator[Row]:
    with two_in_a_row(shared_house, **UNTHROTTLED) as made:
        yield made


@dataclass
class Keys:
    """Makes, rotates and revokes keys, and tries living and dead ones all the while."""

    house: House
    every_seconds: float
    living: list[tuple[str, float]] = field(default_factory=list)
    """Keys with the monotonic time until which they must be accepted."""
    dead: list[tuple[str, float]] = field(default_factory=list)
    """Keys with the time from which on they must be refused."""
    faults: list[str] = field(default_factory=list)
    rotations: int = 0
    accepted: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=act, daemon=True)
            for act in (self._rotate, self._use, self._use, self._try_dead)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    def _rotate(self) -> None:
        made = self._post("", {"name": "rotating"})
        self.living.append((made["secret"], float("inf")))
        while not self._ending.wait(self.every_seconds):
            asked = time.monotonic()
            successor = self._post(
                f"/{made['id']}/rotate", {"overlap_seconds": OVERLAP_SECONDS}
            )
            answered = time.monotonic()
            # It was rotated at some time between the two.
            self.living = [
                (made["secret"], asked + OVERLAP_SECONDS), (successor["secret"], float("inf"))
            ]  # fmt: skip
            over = answered + OVERLAP_SECONDS + TOLERATED_SECONDS
            self.dead.append((made["secret"], over))
            made = successor
            self.rotations += 1
            brief = self._post("", {"name": "brief"})
            status, _ = request(self.house, "DELETE", self._path(f"/{brief['id']}"))
            if status != 204:
                self.faults.append(f"revoke: {status}")
            self.dead.append((brief["secret"], time.monotonic() + TOLERATED_SECONDS))

    def _use(self) -> None:
        # With rests: processes that start beside this load should not have to wait for it.
        while not self._ending.wait(0.05):
            for secret, until in list(self.living):
                status = self._status_of(secret)
                # An answer that came late may have been given late.
                if time.monotonic() < until:
                    self.accepted += status == 200
                    if status != 200:
                        self.faults.append(f"a valid key: {status}")

    def _try_dead(self) -> None:
        while not self._ending.wait(0.05):
            for secret, since in list(self.dead)[-6:]:
                if time.monotonic() < since:
                    continue
                status = self._status_of(secret)
                self.refused += status == 401
                if status != 401:
                    self.faults.append(f"a dead key: {status}")

    def _status_of(self, secret: str) -> int:
        return request(self.house, "GET", "/api/v1/me", Authorization=f"Bearer {secret}")[0]

    def _post(self, path: str, body: Any) -> Any:
        status, content = request(self.house, "POST", self._path(path), body)
        assert status == 201, (status, content)
        return content

    def _path(self, path: str) -> str:
        return f"/api/v1/organizations/{self.house.slug}/api-keys{path}"


@whole_only
def test_keys_of_every_kind_are_rotated_and_no_valid_one_is_refused(row, line, tmp_path):
    line.name = "20 rotation of API keys, encryption keys, peppers"
    line.criterion = "0 valid refused, 0 revoked accepted after 1 s, 0 requests failed"
    house, known = row.house, json.loads((row.house.directory / "secrets.json").read_text())
    old_key, old_pepper = known["encryption_keys"][0], known["key_peppers"][0]
    new_key, new_pepper = base64.b64encode(os.urandom(32)).decode(), secrets.token_hex(32)
    house.start_beat()
    worker = house.start_worker()
    with (
        Clients(house, Ledger(tmp_path / "ledger")) as clients,
        Keys(house, every_seconds=5) as keys,
    ):
        # First everybody can read what the new ones make, then they are used.
        steps = (
            rings([old_key, new_key], [old_pepper, new_pepper]),
            rings([new_key, old_key], [new_pepper, old_pepper]),
            rings([new_key], [new_pepper, old_pepper]),
        )
        for number, environment in enumerate(steps):
            if number == 2:
                moved = house.start(
                    [sys.executable, "manage.py", "rotate_encryption_keys"], "rotate", **steps[1]
                )
                assert moved.wait(60) == 0, house.log("rotate")
                assert "\n0 values remain" in house.log("rotate"), house.log("rotate")
            for port in row.ports:
                assert row.end(port) == 0
                row.start(port, **environment, **UNTHROTTLED)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0
            worker = house.start_worker(**environment)
        done = keys.rotations
        wait_until("one more rotation is over", lambda: keys.rotations >= done + 2, seconds=60)
        wait_until("the dead were tried", lambda: keys.refused > 5, seconds=60)
    line.extra = {
        "rotations": keys.rotations,
        "valid tried": keys.accepted,
        "dead tried": keys.refused,
        "requests": len(clients.seconds),
    }
    assert keys.faults == []
    assert clients.failures == []
    assert keys.rotations >= 3
    assert keys.accepted > 20
    quiesce(house, seconds=180)
    line.take(judge(house, clients.ledger.path))


def rings(encryption_keys: list[str], peppers: list[str]) -> dict[str, str]:
    """Return the settings of a process that knows these."""
    return {
        "STEWARD_ENCRYPTION_KEYS": ",".join(encryption_keys),
        "STEWARD_KEY_PEPPERS": ",".join(peppers),
    }
