"""The sandbox as it is started: a process of its own."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


async def start(**environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.main", cwd=ROOT, env=os.environ | environment, stderr=PIPE
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_it_starts_answers_and_ends_on_a_signal() -> None:
    port = free_port()
    process = await start(PORT=str(port))
    assert process.stderr
    try:
        assert f"http://127.0.0.1:{port}/" in (await process.stderr.readline()).decode()
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/readyz")).json()["status"] == "ready"
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()


@pytest.mark.parametrize("name", ["PORT", "SMTP_PORT"])
async def test_a_taken_port_is_one_clear_line(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await start(**{"PORT": "0", "SMTP_PORT": "0", name: port})
        _, printed = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    lines = printed.decode().splitlines()
    assert len(lines) == 1
    assert port in lines[0]
