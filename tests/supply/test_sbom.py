"""The bill of materials lists what the lock pins, with its hashes, and never changes by itself."""

import json

import pytest


@pytest.fixture(scope="module")
def bill(lock, tmp_path_factory):
    """Return the bill as text, written twice to see that it stays the same."""
    place = tmp_path_factory.mktemp("sbom")
    for name in ("first.json", "second.json"):
        lock.sbom(place / name)
    first, second = ((place / name).read_text() for name in ("first.json", "second.json"))
    assert first == second
    return json.loads(first)


def test_the_bill_of_materials_is_the_lock(lock, bill):
    pins = lock.read(lock.RUNTIME)
    listed = {part["name"]: part["version"] for part in bill["components"]}
    assert listed == {pin.name: pin.version for pin in pins.values()}
    assert bill["bomFormat"] == "CycloneDX"
    for part in bill["components"]:
        hashes = {
            entry["content"] for source in part["externalReferences"] for entry in source["hashes"]
        }
        assert hashes == set(pins[part["name"]].hashes)


def test_the_bill_of_materials_carries_no_time_and_no_serial_number(bill):
    assert "serialNumber" not in bill
    assert "timestamp" not in bill["metadata"]


def test_the_bill_of_materials_says_who_brought_each_package(lock, bill):
    graph = {entry["ref"]: set(entry["dependsOn"]) for entry in bill["dependencies"]}
    root = bill["metadata"]["component"]["bom-ref"]
    pins = lock.read(lock.RUNTIME)
    asked = {need.name.lower() for need in lock.asked()}
    assert graph[root] == {pins[name].purl for name in asked}
    reached, queue = set(), [root]
    while queue:
        ref = queue.pop()
        if ref not in reached:
            reached.add(ref)
            queue += graph[ref]
    assert reached == {root, *(pin.purl for pin in pins.values())}
