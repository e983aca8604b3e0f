"""How the web process is started."""

import os
import subprocess
import sys

import pytest

_ASK = """
import os
from config import serve
class Server:
    def __init__(self, **_): pass
    def serve(self): print(os.sched_getscheduler(0) == os.SCHED_BATCH)
serve.Server = Server
serve.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such policy")
def test_no_thread_of_it_runs_in_the_middle_of_another_s_turn():
    said = subprocess.run(
        [sys.executable, "-c", _ASK],
        env={**os.environ, "HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.strip() == "True"
