"""The secrets of an earlier release get what a later one needs, once."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor

from config.secrets_file import load_or_create


def test_what_a_later_release_needs_is_added_and_what_is_there_stays(tmp_path):
    path = tmp_path / "secrets.json"
    before = {"secret_key": "s", "key_peppers": ["p"], "encryption_keys": ["e"]}
    path.write_text(json.dumps(before))
    found = load_or_create(path)
    assert {name: found[name] for name in before} == before
    assert len(found["checkpoint_keys"]) == 1
    assert load_or_create(path) == found
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_end_with_the_same_secrets(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"secret_key": "s"}))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(load_or_create, [path] * 6))
    kept = load_or_create(path)
    assert kept["secret_key"] == "s"
    assert json.loads(path.read_text()) == kept
    assert [child.name for child in tmp_path.iterdir()] == ["secrets.json"]
