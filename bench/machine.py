"""What the machine did meanwhile: CPU time of processes and of a core, memory, versions.

Reads Linux's /proc; times are in seconds.
"""

import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def _stat(pid: int | str) -> list[str]:
    """Return the fields of a process from its state on; the name before may hold spaces."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that processes took since they began; ended ones count nothing."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            user, system = _stat(pid)[11:13]
            total += int(user) + int(system)
    return total / _TICKS


def group(leader: int) -> list[int]:
    """Return the processes of a process group."""
    return [pid for pid, fields in _all() if int(fields[2]) == leader]


def memory_mb(pids: Iterable[int]) -> int:
    """Return the proportional memory (PSS) of processes."""
    kilobytes = 0
    for pid in pids:
        with suppress(OSError):
            text = (_PROC / str(pid) / "smaps_rollup").read_text()
            found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
            kilobytes += int(found.group(1)) if found else 0
    return round(kilobytes / 1024)


def pin(pids: Iterable[int], core: int) -> bool:
    """Bind processes to one core; return whether all of them could be."""
    done = True
    for pid in pids:
        try:
            os.sched_setaffinity(pid, {core})
        except ProcessLookupError:
            continue
        except PermissionError:
            done = False
    return done


@dataclass(frozen=True, slots=True)
class CoreTime:
    """How long a core was busy (stolen time included), out of how long."""

    busy: float
    total: float

    @classmethod
    def read(cls, core: int) -> "CoreTime":
        """Read it since the start of the machine."""
        for line in (_PROC / "stat").read_text().splitlines():
            if line.startswith(f"cpu{core} "):
                values = [int(value) for value in line.split()[1:9]]
                return cls((sum(values) - values[3] - values[4]) / _TICKS, sum(values) / _TICKS)
        raise LookupError(f"There is no core {core}.")

    def since(self, before: "CoreTime") -> "CoreTime":
        """Return what passed since an earlier reading."""
        return CoreTime(self.busy - before.busy, self.total - before.total)


def describe() -> dict[str, str]:
    """Name the processor, its cores and the kernel."""
    text = (_PROC / "cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", (_PROC / "meminfo").read_text(), re.MULTILINE)
    return {
        "processor": found.group(1).strip() if found else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory.group(1)) / 2**20:.0f} GB" if memory else "",
        "kernel": platform.release(),
    }


def _all() -> Iterator[tuple[int, list[str]]]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                yield int(entry.name), _stat(entry.name)
