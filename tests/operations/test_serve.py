"""How the web process is started."""

import os
import subprocess
import sys

import pytest

_ASK = """
import os, sys
from config import serve

class Server:
    def __init__(self, **_): pass
    def serve(self):
        # Another system has neither the question nor the policy.
        asked = getattr(os, "sched_getscheduler", lambda _: None)(0)
        print("in turn" if asked == getattr(os, "SCHED_BATCH", None) else "serving")

def refuse(*_):
    raise PermissionError

if sys.argv.pop() == "refused":
    os.sched_setscheduler = refuse
serve.Server = Server
serve.main()
"""


@pytest.mark.parametrize(("system", "said"), [("asked", "in turn"), ("refused", "serving")])
def test_its_threads_wait_for_their_turn_where_the_system_lets_them(system, said):
    done = subprocess.run(
        [sys.executable, "-c", _ASK, system],
        env={**os.environ, "HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    expected = said if sys.platform == "linux" else "in turn"
    assert done.stdout.strip() == expected
