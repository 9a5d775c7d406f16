"""Finds the processes of a platform by a mark in their environment, whoever their parent is by now."""

import contextlib
import os
from pathlib import Path

import psutil

MARK = "CLINIC_PLATFORM"


def members_of(run_dir: Path) -> list[psutil.Process]:
    """Every process of the platform of this run folder, this one excepted."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(run_dir):
                found.append(process)
    return found


def rss_mib(run_dir: Path) -> int:
    """Resident memory of all members and this process, in MiB."""
    total = psutil.Process().memory_info().rss
    for process in members_of(run_dir):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return int(total / 2**20)


def kill_members(run_dir: Path) -> list[str]:
    """Kill what is left of a platform; returns the names of what was killed."""
    killed = []
    left = members_of(run_dir)
    for process in left:
        with contextlib.suppress(psutil.Error):
            killed.append(process.name())
            process.kill()
    psutil.wait_procs(left, timeout=5)
    return killed
