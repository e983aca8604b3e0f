"""Who writes to a SQLite file, and when: whoever came first, among threads and processes."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kernel.database.sqlite.turns import Line, Turns, turns_at

ROOT = Path(__file__).resolve().parents[3]

# Takes and gives the turn for two seconds and prints how often it came, and the longest wait.
WRITER = """
import sys, time
from pathlib import Path
from kernel.database.sqlite.turns import turns_at
turns, count, worst = turns_at(Path(sys.argv[1])), 0, 0.0
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + 2
while time.monotonic() < until:
    began = time.monotonic()
    assert turns.take(20)
    worst = max(worst, time.monotonic() - began)
    time.sleep(0.002)
    turns.give()
    count += 1
print(count, worst)
"""


def writer(path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_threads_are_served_in_the_order_in_which_they_came():
    line, served, threads = Line(), [], []
    assert line.enter(0)
    for number in range(5):

        def wait(number=number):
            assert line.enter(30)
            served.append(number)
            line.leave()

        threads.append(threading.Thread(target=wait))
        threads[-1].start()
        while len(line._waiting) <= number:
            time.sleep(0.001)
    line.leave()
    for thread in threads:
        thread.join(30)
    assert served == list(range(5))


def test_whoever_waited_long_enough_gives_up_and_leaves_the_line(tmp_path):
    turns = Turns(tmp_path / "file")
    assert turns.take(1)
    assert not turns.take(0.05)
    turns.give()
    assert turns.take(0)
    turns.give()


def test_processes_take_turns_and_none_starves(tmp_path):
    writers = [writer(tmp_path / "file") for _ in range(3)]
    for one in writers:
        assert one.stdout.readline() == "ready\n"
    for one in writers:
        one.stdin.write("\n")
        one.stdin.flush()
    counts, waits = zip(*(one.communicate(timeout=60)[0].split() for one in writers), strict=True)
    shares = [int(count) / sum(map(int, counts)) for count in counts]
    assert min(shares) > 0.1, (counts, waits)


def test_a_process_that_dies_leaves_its_turn(tmp_path):
    path = tmp_path / "file"
    holder = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pathlib import Path\n"
         "from kernel.database.sqlite.turns import turns_at\n"
         "turns_at(Path(sys.argv[1])).take(5); print('held', flush=True); sys.stdin.readline()",
         str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    turns = turns_at(path)
    assert not turns.take(0.05)
    holder.kill()
    holder.communicate(timeout=30)
    assert turns.take(10)
    turns.give()


def test_a_child_of_a_fork_does_not_hold_its_parents_turn(tmp_path):
    turns = turns_at(tmp_path / "file")
    assert turns.take(1)
    child = os.fork()
    if child == 0:
        os._exit(0 if not turns.take(0.05) else 1)
    assert os.waitpid(child, 0)[1] == 0
    turns.give()


@pytest.mark.sqlite
def test_a_transaction_holds_the_turn_and_gives_it_back(tmp_path):
    """On a file of its own, whatever database the suite runs on."""
    done = subprocess.run(
        [sys.executable, "-c", TRANSACTIONS],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
            "DATABASE_URL": "",
            "STEWARD_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["held", "free", "held", "free", "held", "free"]


TRANSACTIONS = """
import django
django.setup()
from django.db import connection, transaction
from kernel.database.sqlite.turns import turns_at
from pathlib import Path

turns = turns_at(Path(connection.settings_dict["NAME"]).resolve())

def say():
    if turns.take(0):
        turns.give()
        print("free")
    else:
        print("held")

with transaction.atomic():
    connection.cursor().execute("CREATE TABLE one (two)")
    say()
say()
try:
    with transaction.atomic():
        say()
        raise ZeroDivisionError
except ZeroDivisionError:
    say()
with transaction.atomic():
    say()
    connection.close()
say()
"""
