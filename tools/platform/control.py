"""Starts a supervisor, waits for it, tells it to stop: for `make up`, `make down` and the e2e tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from libs.common.testing.parts import ProcessFailed
from libs.common.testing.parts.process import dying_with_parent
from tools.platform.members import MARK, kill_members, members_of
from tools.platform.settings import CHECKOUT, EXTERNAL
from tools.platform.state import Phase, PlatformState, RunDir, running_platform

STOP_WITHIN_SECONDS = 90.0
POLL_SECONDS = 0.1


class SupervisorProcess:
    """A supervisor started by us, and the state it writes."""

    def __init__(self, run: RunDir, root: Path, environment: Mapping[str, str], *, attached: bool) -> None:
        """`attached`: it stops the platform when this process dies; otherwise it lives on."""
        run.logs.mkdir(parents=True, exist_ok=True)
        self._run = run
        self._log = run.logs / "supervisor.log"
        command = [sys.executable, "-m", "tools.platform", "supervise", "--root", str(root)]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                dying_with_parent(command, "TERM") if attached else command,
                cwd=CHECKOUT,
                env={**environment, MARK: str(run.path), "RUN_DIR": str(run.path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def state(self) -> PlatformState | None:
        """What it wrote so far; None before its first word."""
        state = self._run.read()
        return state if state and state.supervisor == self._child.pid else None

    def has_ended(self) -> bool:
        return self._child.poll() is not None

    def failure(self) -> str:
        """Why it did not start; returns when it has ended and cleaned up."""
        self._child.wait(STOP_WITHIN_SECONDS)
        state = self.state()
        return state.error if state and state.error else self._log.read_text(errors="replace").strip()

    def stop(self) -> None:
        """Tell it to take everything down and wait until it has."""
        self._child.terminate()
        self._child.wait(STOP_WITHIN_SECONDS)


def settled(state: PlatformState | None) -> bool:
    """Whether a platform is no longer on its way up."""
    return state is not None and state.phase not in (Phase.STARTING, Phase.STOPPING)


def stop_platform(run: RunDir) -> bool:
    """Take the platform of this folder down and leave no process of it; False if there was none."""
    state = run.read()
    was_running = run.is_supervised()
    if state and was_running:
        os.kill(state.supervisor, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        while run.is_supervised() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    killed = kill_members(run.path)
    if left := members_of(run.path):
        raise ProcessFailed(f"these processes do not end: {', '.join(str(process.pid) for process in left)}")
    return was_running or bool(killed)


@contextmanager
def isolated_platform(folder: Path) -> Iterator[PlatformState]:
    """A whole platform of its own on free ports, with its run folder at `folder`; taken down at the end.

    It goes down with this process too, whatever ends it. CLINIC_TEST_RUN_DIR names one that runs already
    and is used instead. ProcessFailed when it does not start.
    """
    if existing := os.environ.get("CLINIC_TEST_RUN_DIR"):
        running = running_platform(Path(existing).resolve())
        if running is None:
            raise ProcessFailed(f"CLINIC_TEST_RUN_DIR={existing} has no running platform")
        yield running
        return
    environment = {name: value for name, value in os.environ.items() if name not in EXTERNAL}
    environment |= {"GATEWAY_PORT": "0", "SANDBOX_PORT": "0"}
    supervisor = SupervisorProcess(RunDir(folder.resolve()), CHECKOUT, environment, attached=True)
    try:
        while not settled(state := supervisor.state()) and not supervisor.has_ended():
            time.sleep(POLL_SECONDS)
        if state is None or state.phase != Phase.READY:
            raise ProcessFailed(supervisor.failure())
        yield state
    finally:
        supervisor.stop()
