"""A worker tells when only a restart helps, and ends without dropping what it has begun."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import httpx
import pytest
from aio_pika.abc import AbstractChannel

from libs.common.jobs import JobRunner
from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.outbox import EVENTS_EXCHANGE, OutboxWaker
from libs.common.messaging.relay import OutboxRelay
from libs.common.testing.clock import FrozenClock
from libs.common.testing.parts import free_port
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import Db, Effects, carrying, commit, thing_event
from libs.common.worker import Part, Worker


class FakePart:
    """Does nothing until it is told to stop; then it takes as long as `finishing` says."""

    healthy = True
    ready = True

    def __init__(self) -> None:
        self.finishing = asyncio.Event()
        self.finishing.set()
        self.end = asyncio.Event()
        self.cancelled = False

    async def run(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                stopping = group.create_task(stop.wait())
                ended = group.create_task(self.end.wait())
                await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                ended.cancel()
            await self.finishing.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


@contextlib.asynccontextmanager
async def working(worker: Worker, port: int) -> AsyncIterator[tuple[httpx.AsyncClient, "asyncio.Task[None]"]]:
    task = asyncio.create_task(worker.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        await eventually(lambda: _answers(http))
        try:
            yield http, task
        finally:
            worker.stop()
            await task


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        await http.get("/healthz")
    except httpx.ConnectError:
        return False
    return True


async def status(http: httpx.AsyncClient, path: str) -> int:
    return (await http.get(path)).status_code


async def test_liveness_fails_when_a_part_died_or_hangs() -> None:
    port, dying, hanging = free_port(), FakePart(), FakePart()
    worker = Worker({"consumer": dying, "relay": hanging}, port=port, host="127.0.0.1")
    async with working(worker, port) as (http, _):
        assert await status(http, "/healthz") == 200
        hanging.healthy = False
        answer = await http.get("/healthz")
        assert (answer.status_code, answer.text) == (503, "not working: relay\n")
        hanging.healthy = True
        dying.end.set()
        await eventually(lambda: _is(http, "/healthz", 503))
        assert "consumer" in (await http.get("/healthz")).text


async def _is(http: httpx.AsyncClient, path: str, wanted: int) -> bool:
    return await status(http, path) == wanted


async def test_readiness_names_what_is_missing() -> None:
    port, part = free_port(), FakePart()
    found = {"storage": "ok"}

    async def readiness() -> dict[str, str]:
        return found

    worker = Worker({"relay": part}, port=port, host="127.0.0.1", readiness=readiness)
    async with working(worker, port) as (http, _):
        assert (await http.get("/readyz")).json() == {"ready": True, "checks": {"relay": "ok", "storage": "ok"}}
        found["storage"] = "AutoReconnect"
        part.ready = False
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"relay": "not ready", "storage": "AutoReconnect"}
        assert b"outbox_pending" in (await http.get("/metrics")).content


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_makes_it_unready_and_lets_work_finish(number: signal.Signals) -> None:
    port, part = free_port(), FakePart()
    part.finishing.clear()
    async with working(Worker({"relay": part}, port=port, host="127.0.0.1"), port) as (http, task):
        assert await status(http, "/readyz") == 200
        os.kill(os.getpid(), number)
        await eventually(lambda: _is(http, "/readyz", 503))
        assert await status(http, "/healthz") == 200  # not ill, about to go
        assert not task.done()
        part.finishing.set()
        await task
    assert not part.cancelled


async def test_what_does_not_finish_within_the_grace_is_cancelled() -> None:
    port, part = free_port(), FakePart()
    part.finishing.clear()
    worker = Worker({"relay": part}, port=port, host="127.0.0.1", grace_seconds=0.05)
    async with working(worker, port):
        pass
    assert part.cancelled


async def test_a_real_worker_takes_a_committed_event_to_its_handler(
    service: str, db: Db, amqp_url: str, channel: AbstractChannel
) -> None:
    event, effects, port = thing_event(service), Effects(await carrying(db)), free_port()

    async def handle(happened: object, _: object) -> int:
        return int(happened.number)  # type: ignore[attr-defined]

    subscribed = [Subscription(EVENTS_EXCHANGE, event.routing_key(), event, handle)]
    parts: dict[str, Part] = {
        "relay": OutboxRelay(db, ["things"], amqp_url, OutboxWaker(db.name)),
        "consumer": Consumer(service, subscribed, effects.deliver, amqp_url),
        "jobs": JobRunner(db, [], clock=FrozenClock()),
    }
    async with working(Worker(parts, port=port, host="127.0.0.1"), port) as (http, _):
        await eventually(lambda: _is(http, "/readyz", 200))
        await commit(db, "thg_1", event, 41, 42)
        await eventually(lambda: _all(effects, [41, 42]))
        assert await status(http, "/healthz") == 200


async def _all(effects: Effects, wanted: list[int]) -> bool:
    return sorted(await effects.all()) == wanted
