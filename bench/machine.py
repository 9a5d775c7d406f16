"""The machine: one core for the servers under test, another for the load, and the CPU time of processes."""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from libs.common.testing.parts import LocalProcess

SERVERS_CORE, LOAD_CORE = (sorted(os.sched_getaffinity(0)) * 2)[:2]


@contextmanager
def on_the_servers_core() -> Iterator[None]:
    """Processes started in this block are pinned to the servers' core: children inherit it."""
    os.sched_setaffinity(0, {SERVERS_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {LOAD_CORE})


def describe() -> str:
    """What a reader needs to place the figures."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "unknown")
    memory = psutil.virtual_memory().total / 2**30
    cores = f"{psutil.cpu_count()} cores, {model.rpartition(': ')[2]}, {memory:.0f} GiB"
    return f"{cores}, Linux {platform.release()}, Python {platform.python_version()}"


def cpu_seconds(process: LocalProcess) -> float:
    """User and system time used so far, by the process and what it started."""
    if process.pid is None:
        return 0.0
    leader = psutil.Process(process.pid)
    times = [member.cpu_times() for member in (leader, *leader.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def rss_mb(process: LocalProcess) -> float:
    """Resident memory in MiB."""
    return 0.0 if process.pid is None else psutil.Process(process.pid).memory_info().rss / 2**20


class Meter:
    """CPU microseconds that servers use from `start` on, divided by the requests they did meanwhile."""

    def __init__(self, servers: Mapping[str, LocalProcess]) -> None:
        self._servers = servers
        self._before = {name: cpu_seconds(server) for name, server in servers.items()}

    def per_request(self, count: int) -> dict[str, float]:
        """By server; since this meter was made."""
        return {
            name: (cpu_seconds(server) - self._before[name]) / max(count, 1) * 1e6
            for name, server in self._servers.items()
        }
