"""Read the locks: what they pin, under which licence, and write it down.

`python dev/lock.py check` refuses a lock that is not what pyproject.toml asks for, pins
without hashes, or differs from what is installed; `sbom FILE` writes the runtime lock as a
CycloneDX bill of materials; `licences [--check]` writes docs/dependencies.md. Nothing asks
the network: whether a release was withdrawn or has a known hole is for an advisory scanner.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "requirements.txt"
DEV = ROOT / "requirements-dev.txt"
PAGE = ROOT / "docs" / "dependencies.md"
_TOOLS_OF_THE_VENV = {"pip", "setuptools", "wheel"}
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\$")
_HASH = re.compile(r"^ {4}--hash=sha256:[0-9a-f]{64}(?: \\)?$")
_VIA = re.compile(r"^ {4}#(?: via|  ) +(?P<parent>[a-z0-9._-]+)")


@dataclass(slots=True)
class Pin:
    """One package of a lock."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)

    @property
    def applies_here(self) -> bool:
        """Whether this Python on this system needs it."""
        return not self.marker or Marker(self.marker).evaluate()

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read(path: Path) -> dict[str, Pin]:
    """Return the pins of a lock by name; raise `ValueError` at a line of another form."""
    pins: dict[str, Pin] = {}
    pin = Pin("", "")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := _PIN.match(line):
            pin = Pin(canonicalize_name(found["name"]), found["version"], found["marker"] or "")
            pins[pin.name] = pin
        elif _HASH.match(line):
            pin.hashes.append(line.split(":")[1].removesuffix(" \\"))
        elif via := _VIA.match(line):
            pin.parents.append(via["parent"])
        elif line.strip() not in {"", "# via"}:
            raise ValueError(f"{path.name}:{number} is not a hashed pin: {line}")
    return pins


def asked(group: str = "") -> list[Requirement]:
    """Return what pyproject.toml asks for, or what one of its groups does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    return [Requirement(line) for line in lines]


def reached(roots: list[Requirement]) -> set[str]:
    """Return all that requirements lead to on this system, by what is installed."""
    found: set[tuple[str, str]] = set()
    queue = [(need, "") for need in roots]
    while queue:
        need, extra = queue.pop()
        environment = {**default_environment(), "extra": extra}
        if need.marker and not need.marker.evaluate(environment):  # type: ignore[arg-type]
            continue
        name = canonicalize_name(need.name)
        for wanted in {"", *need.extras}:
            if (name, wanted) not in found:
                found.add((name, wanted))
                requires = metadata.requires(name) or []
                queue += [(Requirement(line), wanted) for line in requires]
    return {name for name, _ in found}


def faults() -> Iterator[str]:
    """Yield what is wrong with the locks, in words."""
    installed = {canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions()}
    runtime, dev = read(RUNTIME), read(DEV)
    yield from _bad_pins(RUNTIME.name, runtime, installed)
    yield from _bad_pins(DEV.name, dev, installed)
    for pin in runtime.values():
        if pin.name not in dev or dev[pin.name].version != pin.version:
            yield f"{DEV.name}: {pin.name} is not at the version that production runs"
    for name in sorted(set(installed) - set(dev) - _TOOLS_OF_THE_VENV):
        yield f"{name} is installed and no lock knows it"
    for need in asked():
        pin = runtime.get(canonicalize_name(need.name), Pin(need.name, "0"))
        if not need.specifier.contains(pin.version):
            yield f"{RUNTIME.name}: {pin.name} {pin.version} is not {need.specifier}"
    here = {pin.name for pin in runtime.values() if pin.applies_here}
    for name in sorted(here ^ reached(asked())):
        yield f"{name}: the lock and pyproject.toml differ on whether it is needed"


def _bad_pins(lock: str, pins: dict[str, Pin], installed: dict[str, str]) -> Iterator[str]:
    for pin in pins.values():
        if not pin.hashes:
            yield f"{lock}: {pin.name} has no hash"
        if Version(pin.version).is_prerelease:
            yield f"{lock}: {pin.name} {pin.version} is not a release"
        if pin.applies_here and installed.get(pin.name) != pin.version:
            yield f"{lock}: {pin.name} {pin.version} is not what is installed"


def licence(name: str) -> str:
    """Return the licence that an installed package declares, or what it is not here for."""
    try:
        declared = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    expression = declared.get("License-Expression") or ""
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in declared.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    first_line = (declared.get("License") or "").strip().splitlines()[:1]
    return expression or ", ".join(classifiers) or "".join(first_line)


def sbom(path: Path) -> None:
    """Write the runtime lock as CycloneDX JSON; the same lock gives the same bytes.

    The generator knows names, versions and hashes; licences come from what is installed
    and the graph from the lock's own notes of who asked for what.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(RUNTIME),
            "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--no-validate",
            "-o", str(path),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    bill, pins = json.loads(path.read_text()), read(RUNTIME)
    for component in bill["components"]:
        pin = pins[component["name"]]
        component["bom-ref"] = pin.purl
        component.pop("description")
        if words := licence(pin.name):
            component["licenses"] = [{"license": {"name": words, "acknowledgement": "declared"}}]
    root = bill["metadata"]["component"]["bom-ref"]
    refs = {"steward": root, **{pin.name: pin.purl for pin in pins.values()}}
    bill["dependencies"] = [
        {
            "ref": ref,
            "dependsOn": sorted(pin.purl for pin in pins.values() if name in pin.parents),
        }
        for name, ref in sorted(refs.items())
    ]
    path.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n")


def is_valid(path: Path) -> bool:
    """Whether a bill of materials is what CycloneDX's own schema describes."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - slow, and for this alone
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None


def page() -> str:
    """Return the text of docs/dependencies.md."""
    direct = {canonicalize_name(need.name) for need in asked()}
    pins = read(RUNTIME)
    rows = [
        f"| {pin.name} | {'asked for' if pin.name in direct else ', '.join(sorted(pin.parents))} "
        f"| {licence(pin.name) or f'not installed here (`{pin.marker}`)'} |"
        for pin in pins.values()
    ]
    return "\n".join(
        [
            "# Dependencies",
            "",
            "What production installs, why, and the licence that each package declares. Written by",
            "`make docs` from `requirements.txt`; `make sbom` writes the same set as CycloneDX.",
            f"{len(direct)} packages are asked for by `pyproject.toml`, {len(pins)} are locked.",
            "",
            "| package | because of | licence |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def main(arguments: list[str]) -> int:
    """Do what is asked; 1 if something is wrong."""
    match arguments:
        case ["check"]:
            found = list(faults())
            print("\n".join(found) or f"{len(read(RUNTIME))} runtime packages, all hashed")
            return 1 if found else 0
        case ["sbom", path]:
            sbom(Path(path))
            return 0 if is_valid(Path(path)) else 1
        case ["licences"]:
            PAGE.write_text(page())
        case ["licences", "--check"]:
            if not PAGE.exists() or PAGE.read_text() != page():
                print("docs/dependencies.md is not current: make docs")
                return 1
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
