"""A checkout of small stand-in services, and a way to run the platform commands on it."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from tools.platform.members import kill_members, members_of
from tools.platform.settings import CHECKOUT, EXTERNAL
from tools.platform.state import PlatformState, RunDir

# A stand-in service: it is ready at once and tells its environment.
APP = """
    import json, os

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": message["type"] + ".complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = json.dumps(dict(os.environ)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""
PROGRAM = """
    import os, uvicorn
    from services.auth.main import app

    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["{port}"]))
"""


@dataclass
class Bench:
    """A checkout with its run folder, and the environment its commands get."""

    root: Path
    run_dir: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tools.platform", *arguments, "--root", str(self.root)]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=CHECKOUT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Ctrl-C works in it, also when the tests run in the background, where a shell has it ignored."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    @property
    def state(self) -> PlatformState:
        state = RunDir(self.run_dir).read()
        assert state is not None
        return state

    def environment_of(self, process: str) -> dict[str, str]:
        told: dict[str, str] = httpx.get(self.state.processes[process].url, trust_env=False).json()
        return told

    def pids_left(self) -> list[int]:
        return [process.pid for process in members_of(self.run_dir)]


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Make a checkout of stand-ins by name; its platform uses the parts of the test run where there are some."""
    made: list[Bench] = []

    def make(name: str = "one", *, own_parts: bool = False) -> Bench:
        unwanted = (*EXTERNAL, "PYTHONDONTWRITEBYTECODE")  # without bytecode every start is slow
        ours = {name: value for name, value in os.environ.items() if name not in unwanted}
        bench = Bench(tmp_path / name / "checkout", tmp_path / name / "run", ours)
        bench.environment |= {"RUN_DIR": str(bench.run_dir), "GATEWAY_PORT": "0", "SANDBOX_PORT": "0"}
        if not own_parts:
            bench.environment |= _given_parts()
        for service in ("auth", "notifications", "scheduling"):
            bench.write(f"services/{service}/main.py", APP)
        bench.write("services/auth/worker.py", PROGRAM.format(port="WORKER_PORT"))
        for program in ("gateway", "sandbox"):
            bench.write(f"{program}/main.py", PROGRAM.format(port="PORT"))
        made.append(bench)
        return bench

    yield make
    for bench in made:
        kill_members(bench.run_dir)
        shutil.rmtree(bench.run_dir, ignore_errors=True)


def _given_parts() -> dict[str, str]:
    variables = {name: f"CLINIC_TEST_{name}" for name in EXTERNAL}
    return {name: os.environ[given] for name, given in variables.items() if given in os.environ}


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
