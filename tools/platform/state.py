"""What is known about a platform, kept in its run folder: who supervises it, where everything listens."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

NOTES_KEPT = 50


class Phase(StrEnum):
    """Where a platform is in its life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class ProcessState(BaseModel):
    """One process: `status` is waiting, starting, ready, down or stopped."""

    kind: str
    url: str
    port: int
    log: Path
    status: str = "waiting"
    pid: int | None = None
    ready_after_seconds: float | None = None
    restarts: int = 0


class Note(BaseModel):
    """Something that happened, for people."""

    at: datetime
    text: str


class PlatformState(BaseModel):
    """The content of state.json. Parts the user runs themselves are in `external` (variable -> url)."""

    supervisor: int
    phase: Phase
    started_at: datetime
    gateway: str
    sandbox: str
    external: dict[str, str]
    processes: dict[str, ProcessState]
    notes: list[Note] = []
    ready_after_seconds: float | None = None
    rss_mib: int | None = None
    error: str | None = None


class RunDir:
    """The run folder of one platform."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.data = path / "data"
        self.keys = path / "keys"
        self.spans = path / "spans"
        self._state = path / "state.json"
        self._lock = path / "supervisor.lock"

    def read(self) -> PlatformState | None:
        """The latest state anybody wrote, whether or not that platform still runs; see `is_supervised`."""
        try:
            return PlatformState.model_validate_json(self._state.read_text())
        except FileNotFoundError:
            return None

    def write(self, state: PlatformState) -> None:
        """Replace the state at once: a reader sees the old or the new one, never a half."""
        draft = self._state.with_suffix(".draft")
        draft.write_text(state.model_dump_json(indent=1))
        draft.replace(self._state)

    @contextlib.contextmanager
    def supervise(self) -> Iterator[bool]:
        """Hold the one lock of this folder; yields whether we got it. The kernel frees it when we die."""
        for folder in (self.logs, self.data, self.spans):
            folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            yield any(_try_lock(lock.fileno()) for _ in range(20))  # somebody may just be asking, see below

    def is_supervised(self) -> bool:
        """Whether a supervisor is alive; a stale state.json (rebooted, supervisor killed) does not count."""
        if not self._lock.exists():
            return False
        with self._lock.open("r") as lock:
            return not _try_lock(lock.fileno(), patience=0)


def _try_lock(descriptor: int, patience: float = 0.1) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(patience)
        return False
    return True


def running_platform(run_dir: Path) -> PlatformState | None:
    """The state of the platform of this folder if it is up and ready, else None."""
    run = RunDir(run_dir)
    state = run.read()
    return state if state and state.phase == Phase.READY and run.is_supervised() else None
