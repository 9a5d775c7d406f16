"""A server as a child process on a loopback port: started, asked for an answer, frozen, killed, stopped."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Self

PORT_TRIES = 5
POLL_SECONDS = 0.05
PROBE_SECONDS = 2.0
TAIL_LINES = 15
_handed_out: set[int] = set()


class NotReady(Exception):
    """The server does not answer yet; the message says what happened instead."""


class ProcessFailed(Exception):
    """The server did not start, ended by itself, or never answered; the message shows the end of its log."""


def port_is_free(port: int) -> bool:
    """Whether nobody listens on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback TCP port nobody listens on, and not the same one twice.

    It lies below the range that the kernel hands to outgoing connections, so that no connection takes it
    while its server is being restarted.
    """
    for _ in range(1000):
        port = 15_000 + secrets.randbelow(17_000)
        if port not in _handed_out and port_is_free(port):
            _handed_out.add(port)
            return port
    raise ProcessFailed("no free loopback port was found between 15000 and 32000")


def installed(program: str, *, package: str) -> str:
    """The path of `program`, beside this Python or on the PATH; ProcessFailed names the package it is in."""
    beside_python = Path(sys.executable).parent / program
    path = str(beside_python) if beside_python.exists() else shutil.which(program)
    if path is None:
        raise ProcessFailed(f"{program} is not installed; it comes in the package {package}")
    return path


async def until_ready(
    probe: Callable[[], Awaitable[None]], within: float, *, while_true: Callable[[], bool] = lambda: True
) -> None:
    """Repeat `probe` until it raises no NotReady; its last NotReady when time runs out or `while_true` is not."""
    deadline = time.monotonic() + within
    while True:
        try:
            return await asyncio.wait_for(probe(), PROBE_SECONDS)
        except (NotReady, TimeoutError) as error:
            if time.monotonic() > deadline or not while_true():
                raise NotReady(str(error) or "no answer") from error
        await asyncio.sleep(POLL_SECONDS)


class LocalProcess(ABC):
    """One server process that dies with the process that started it.

    Start it from the main thread: Linux ends the child when the *thread* that started it ends.
    Without a `port` a free one is picked, and another one if somebody else was quicker to take it.
    """

    def __init__(self, name: str, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        self.name = name
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.log = log or self.folder / f"{name}.log"
        self._port_is_ours_to_pick = port is None
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients reach it."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    def environment(self) -> Mapping[str, str]:
        """Variables set on top of this process's own environment."""
        return {}

    @abstractmethod
    async def probe(self) -> None:
        """Ask the server something in its own protocol; NotReady when it does not answer."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended: None while it runs, negative for a signal."""
        return self._child.poll() if self._child else None

    async def start(self, within: float = 60.0) -> None:
        """Start it and return when it answers; ProcessFailed if it ends by itself or takes too long."""
        for attempt in range(PORT_TRIES):
            self._make_sure_of_the_port()
            self.spawn()
            try:
                await self.wait_ready(within)
            except ProcessFailed:
                await self.stop()
                if port_is_free(self.port) or attempt == PORT_TRIES - 1:
                    raise  # it was not for the port
            else:
                self._port_is_ours_to_pick = False  # from now on clients know it
                return

    def _make_sure_of_the_port(self) -> None:
        """Somebody else's server on our port would answer the probe in our place."""
        if port_is_free(self.port):
            return
        if not self._port_is_ours_to_pick:
            raise ProcessFailed(f"port {self.port} of {self.name} is taken by another program")
        self.port = free_port()

    def spawn(self) -> None:
        """Start the process without waiting for it to answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                dying_with_parent(self.command()),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def wait_ready(self, within: float = 60.0) -> None:
        """Return when the server answers its own protocol."""
        await self.wait_for(self.probe, within)

    async def wait_for(self, probe: Callable[[], Awaitable[None]], within: float) -> None:
        """Repeat `probe` until it raises no NotReady; ProcessFailed if the process ends or time runs out."""
        try:
            await until_ready(probe, within, while_true=lambda: self.pid is not None)
        except NotReady as error:
            if self.pid is None:
                raise self._failed(f"{self.name} ended with code {self.exit_code} before it was ready") from error
            raise self._failed(f"{self.name} was not ready within {within:.0f} s ({error})") from error

    async def wait_ended(self) -> int:
        """Return the exit code when the process has ended, whoever ended it."""
        while self.pid is not None:  # noqa: ASYNC110 - a child process offers nothing to await
            await asyncio.sleep(POLL_SECONDS)
        return self.exit_code or 0

    async def stop(self, grace: float = 15.0) -> None:
        """Ask it to end, wait up to `grace` seconds, then kill it; fine if it has ended already."""
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait_ended(), grace)
        self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), with whatever it started, and wait until it is gone."""
        if self._child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)  # it leads its own session, see spawn()
        self._child.wait()

    def freeze(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """The last lines it wrote since its latest start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-TAIL_LINES:])

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.pid) is None:
            raise ProcessFailed(f"{self.name} is not running")
        os.kill(pid, number)

    def _failed(self, what: str) -> ProcessFailed:
        return ProcessFailed(f"{what}; the end of {self.log}:\n{self.log_tail()}")


def dying_with_parent(command: list[str], signal_name: str = "KILL") -> list[str]:
    """`command`, told to get the signal when its parent dies, however that happens (Linux only)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--", *command] if setpriv else command
