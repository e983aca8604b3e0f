"""The wiring that a kernel test installs for itself (see `rewire` in conftest.py)."""

from kernel.wiring import Wiring

PLAN = Wiring()
