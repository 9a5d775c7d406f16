"""`make up` and `make down` as a person meets them."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from tools.platform.control import stop_platform
from tools.platform.members import MARK, members_of
from tools.platform.state import Phase, RunDir
from tools.tests.conftest import Bench


def eventually(condition: Callable[[], bool], within: float = 40.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_up_is_ready_a_second_up_says_so_and_down_leaves_nothing(bench: Bench) -> None:
    up = bench.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "The platform is up" in up.stdout
    assert {state.status for state in bench.state.processes.values()} == {"ready"}
    pids = [state.pid for state in bench.state.processes.values() if state.pid]
    assert len(pids) >= 6

    again = bench.run("up")
    assert again.returncode == 0
    assert "Already running" in again.stdout
    assert [state.pid for state in bench.state.processes.values()] == pids
    assert "auth-worker" in bench.run("status").stdout

    down = bench.run("down")
    assert (down.returncode, down.stdout.strip()) == (0, "stopped; no process is left")
    assert bench.pids_left() == []
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert bench.run("status").returncode == 1
    assert bench.run("down").stdout.strip() == "nothing was running"


def test_each_process_gets_its_own_secrets_and_everybodys_address(bench: Bench) -> None:
    bench.run("up")
    auth, scheduling = bench.environment_of("auth"), bench.environment_of("scheduling")
    sandbox, notifications = bench.environment_of("sandbox"), bench.environment_of("notifications")
    gateway, worker = bench.environment_of("gateway"), bench.environment_of("auth-worker")

    assert scheduling["AUTH_URL"] == bench.state.processes["auth"].url == gateway["AUTH_URL"]
    assert json.loads(auth["AUTH_SERVICE_SECRETS"])["scheduling"] == scheduling["SERVICE_SECRET"]
    assert auth["SERVICE_SECRET"] == worker["SERVICE_SECRET"] != scheduling["SERVICE_SECRET"]
    for other in (scheduling, notifications, sandbox, gateway):
        assert "AUTH_SERVICE_SECRETS" not in other
        assert "BOOTSTRAP_TOKEN" not in other
    assert sandbox["WHATSAPP_APP_SECRET"] == notifications["WHATSAPP_APP_SECRET"]
    assert "WHATSAPP_APP_SECRET" not in scheduling
    assert "FIELD_KEYRING" not in gateway
    assert sandbox["WEBHOOK_BASE_URL"] == bench.state.gateway
    keys = bench.run_dir / "keys" / "keys.json"
    assert keys.stat().st_mode & 0o077 == 0

    stop_platform(RunDir(bench.run_dir))
    bench.run("up")
    assert bench.environment_of("auth")["FIELD_KEYRING"] == auth["FIELD_KEYRING"]


def test_a_process_that_dies_is_started_again_and_it_is_said(bench: Bench) -> None:
    bench.run("up")
    first = bench.state.processes["scheduling"].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: bench.state.processes["scheduling"].restarts == 1)
    eventually(lambda: bench.state.processes["scheduling"].status == "ready")
    assert bench.state.processes["scheduling"].pid != first
    assert "scheduling ended with code -9" in bench.run("status").stdout


def test_a_killed_supervisor_takes_everything_with_it_and_up_works_again(bench: Bench) -> None:
    bench.run("up")
    os.kill(bench.state.supervisor, signal.SIGKILL)
    eventually(lambda: bench.pids_left() == [])
    assert bench.state.phase == Phase.READY, "the state is stale now"
    assert "nothing is running" in bench.run("status").stdout
    log = bench.state.processes["scheduling"].log
    log.write_text("why it died")
    orphan = subprocess.Popen(["sleep", "100"], env={**os.environ, MARK: str(bench.run_dir)})
    assert "The platform is up" in bench.run("up").stdout
    assert orphan.wait(1) == -signal.SIGKILL, "what an earlier platform left behind is removed"
    assert "left behind: sleep" in bench.run("status").stdout
    assert log.with_name(f"{log.name}.1").read_text() == "why it died"


def test_a_service_that_cannot_start_is_shown_with_the_end_of_its_log(bench: Bench) -> None:
    bench.write("services/scheduling/main.py", "raise RuntimeError('the slot table is gone')")
    up = bench.run("up")
    assert up.returncode == 1
    assert "scheduling ended with code" in up.stdout
    assert "the slot table is gone" in up.stdout
    assert bench.pids_left() == []


def test_a_taken_port_is_named_with_the_variable_to_change(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        up = bench.run("up", SANDBOX_PORT=port)
    assert up.returncode == 1
    assert f"port {port} is taken" in up.stdout
    assert "SANDBOX_PORT=" in up.stdout


def test_a_server_of_the_users_that_does_not_answer_is_named(bench: Bench) -> None:
    up = bench.run("up", REDIS_URL="redis://127.0.0.1:1/0")
    assert up.returncode == 1
    assert "REDIS_URL" in up.stdout
    assert bench.pids_left() == []


@pytest.mark.parametrize("when_ready", [True, False])
def test_ctrl_c_is_clean(bench: Bench, when_ready: bool) -> None:
    up = bench.start("up", "--foreground")
    if when_ready:
        eventually(lambda: (state := RunDir(bench.run_dir).read()) is not None and state.phase == Phase.READY)
    else:
        eventually(lambda: len(bench.pids_left()) >= 2)
    os.kill(up.pid, signal.SIGINT)
    assert up.wait(40) == 0
    assert bench.pids_left() == []
    assert bench.state.phase == Phase.STOPPED


def test_two_platforms_live_side_by_side(make_bench: Callable[[str], Bench]) -> None:
    one, two = make_bench("one"), make_bench("two")
    starting = one.start("up")
    assert two.run("up").returncode == 0
    assert starting.wait(60) == 0
    assert one.state.gateway != two.state.gateway
    assert two.run("down").returncode == 0
    assert one.pids_left()
    assert one.environment_of("gateway")["PORT"]


def test_two_ups_at_once_start_one_platform(bench: Bench) -> None:
    both = [bench.start("up"), bench.start("up")]
    assert [up.wait(60) for up in both] == [0, 0]
    supervisors = [process.pid for process in members_of(bench.run_dir) if "supervise" in process.cmdline()]
    assert supervisors == [bench.state.supervisor]


@pytest.mark.slow
def test_it_starts_parts_of_its_own_in_time(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(own_parts=True)
    up = bench.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert {"mongo", "redis", "rabbitmq", "s3"} <= set(bench.state.processes)
    assert bench.state.ready_after_seconds is not None
    assert bench.state.ready_after_seconds < 60
    assert bench.run("down").returncode == 0
    assert bench.pids_left() == []
