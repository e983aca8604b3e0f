"""The lock's reader, loaded from the developer's tools."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def lock() -> ModuleType:
    """Return `dev/lock.py` as a module."""
    spec = importlib.util.spec_from_file_location("steward_lock", ROOT / "dev/lock.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
