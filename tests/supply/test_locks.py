"""What is installed is what was locked, hash by hash, and no more than was asked for."""

import ast
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.supply.conftest import ROOT

RUNTIME_BUDGET = 77
"""Locked runtime packages. The aim is 60; a new one must displace another or say why."""

_CALENDAR_VERSIONS = {"drf-spectacular-sidecar"}
_WITHOUT_AN_UPPER_BOUND = {"redis"}
"""celery's own bound on redis is narrower than any that we could write."""


def test_locks_are_hashed_installed_and_no_more_than_asked_for(lock):
    assert list(lock.faults()) == []


def test_a_lock_line_without_its_hash_or_from_elsewhere_is_refused(lock, tmp_path):
    loose = tmp_path / "requirements.txt"
    loose.write_text("django==5.2.19\n")
    with pytest.raises(ValueError, match="not a hashed pin"):
        lock.read(loose)
    for line in ("--extra-index-url https://example.net/simple", "pkg @ https://example.net/p.whl"):
        loose.write_text(f"{line}\n")
        with pytest.raises(ValueError, match="not a hashed pin"):
            lock.read(loose)


def test_a_pin_without_hashes_another_version_and_a_stowaway_are_each_found(
    lock, tmp_path, monkeypatch
):
    text = lock.RUNTIME.read_text()
    first, rest = text.split("    --hash", 1)
    assert first.startswith("amqp==")
    bare = tmp_path / "requirements.txt"
    bare.write_text(first + "    # via kombu\n" + rest[rest.index("anyio==") :])
    monkeypatch.setattr(lock, "RUNTIME", bare)
    assert "requirements.txt: amqp has no hash" in list(lock.faults())

    bare.write_text(text.replace("django==5.2.", "django==5.1.", 1))
    found = " ".join(lock.faults())
    assert "is not what is installed" in found
    assert "django 5.1." in found

    stowaway = f"ruff==0.0.1 \\\n    --hash=sha256:{'0' * 64}\n    # via steward (pyproject.toml)\n"
    bare.write_text(text + stowaway)
    assert "ruff: the lock and pyproject.toml differ on whether it is needed" in list(lock.faults())


def test_an_install_with_a_wrong_hash_is_refused(lock, tmp_path):
    """The installer itself: the lock's form is what makes it check."""
    wheel_line = f"six==1.17.0 \\\n    --hash=sha256:{'0' * 64}\n"
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(wheel_line)
    package = tmp_path / "six-1.17.0-py2.py3-none-any.whl"
    package.write_bytes(b"not the file that was locked")
    ran = subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "--no-index", "--find-links", str(tmp_path),
            "--require-hashes", "--no-deps", "-d", str(tmp_path / "out"), "-r", str(wrong),
        ],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    assert ran.returncode != 0
    assert "DO NOT MATCH THE HASHES" in ran.stderr


def test_the_makefile_installs_by_hash_alone():
    lines = (ROOT / "Makefile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_the_number_of_runtime_packages_stays_within_its_budget(lock, record_property):
    pins = lock.read(lock.RUNTIME)
    record_property("runtime_packages", len(pins))
    record_property("runtime_packages_on_this_system", sum(p.applies_here for p in pins.values()))
    assert len(pins) <= RUNTIME_BUDGET


def test_every_direct_dependency_has_a_floor_and_a_ceiling(lock):
    loose = set()
    for need in lock.asked():
        operators = {clause.operator for clause in need.specifier}
        if ">=" not in operators or "<" not in operators:
            loose.add(canonicalize_name(need.name))
    assert loose == _CALENDAR_VERSIONS | _WITHOUT_AN_UPPER_BOUND


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_runtime_code_imports_only_what_the_project_asks_for_by_name(lock):
    """Neither a tool of the developers nor what another package happens to bring along."""
    rooms = {"config", "kernel", "orgs", "identity", "billing"}
    asked = {canonicalize_name(need.name) for need in lock.asked()}
    # What these two are made of and name as their own interface.
    asked |= {"httpcore", "kombu", "asgiref"}
    owners = metadata.packages_distributions()
    foreign = {}
    for path in [ROOT / "manage.py", *(p for room in rooms for p in (ROOT / room).rglob("*.py"))]:
        for name in _imports(path) - rooms - sys.stdlib_module_names:
            given_by = {canonicalize_name(owner) for owner in owners.get(name, [])}
            if not given_by & asked:
                foreign.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert foreign == {}


def test_every_licence_is_known_and_one_that_lets_a_service_use_the_package(lock):
    """A package whose licence nobody looked at, or one of the AGPL's kind, stops here."""
    known = (
        "MIT", "BSD", "Apache", "MPL", "Mozilla Public License", "PSF", "LGPL-3.0-only",
    )  # fmt: skip
    unknown = {
        pin.name: lock.licence(pin.name)
        for pin in lock.read(lock.RUNTIME).values()
        if pin.applies_here and not lock.licence(pin.name).startswith(known)
    }
    assert unknown == {}
    assert lock.PAGE.read_text() == lock.page(), "make docs"
