"""The broker is killed (SIGKILL) and frozen under way: every committed event still acts, once, and nobody helps."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from functools import partial
from itertools import count

import aio_pika
import pytest

from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.events import Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE, OutboxWaker
from libs.common.messaging.relay import OutboxRelay
from libs.common.testing.parts import RabbitPart
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import Db, Effects, carrying, commit, length, running, thing_event

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitPart]:
    async with RabbitPart(tmp_path_factory.mktemp("killed")) as part:
        yield part


@pytest.fixture
def service() -> str:
    return f"killed_{secrets.token_hex(4)}"


async def handle(happened: object, _: object) -> int:
    return int(happened.number)  # type: ignore[attr-defined]


def pair(db: Db, effects: Effects, event: type[Event], service: str, url: str) -> tuple[OutboxRelay, Consumer]:
    subscribed = [Subscription(EVENTS_EXCHANGE, event.routing_key(), event, handle)]
    relay = OutboxRelay(db, ["things"], url, OutboxWaker(db.name), poll_seconds=0.05)
    return relay, Consumer(service, subscribed, effects.deliver, url)


async def test_killed_between_commit_and_publish_and_while_consuming(db: Db, broker: RabbitPart, service: str) -> None:
    event, effects = thing_event(service), Effects(await carrying(db))
    relay, consumer = pair(db, effects, event, service, broker.url)
    sent: list[str] = []
    enough = asyncio.Event()

    async def committing() -> None:
        for number in count():
            sent.extend(await commit(db, f"thg_{number % 50}", event, number))
            if enough.is_set():
                return
            await asyncio.sleep(0.01)

    async with running(relay), running(consumer):
        await eventually(lambda: relay.ready and consumer.ready, within=60)
        work = asyncio.create_task(committing())
        for _ in range(2):
            # Seconds of traffic first: RabbitMQ 3.10 can lose for good the leader of a queue it has only just declared.
            await eventually(partial(_longer_than, sent, len(sent) + 300), within=60)
            broker.kill()
            await eventually(partial(_longer_than, sent, len(sent) + 20), within=60)  # commits go on
            await broker.start()
        enough.set()
        await work
        await eventually(lambda: _acted(effects, sent), within=60)
        assert relay.healthy
        assert consumer.healthy
    assert await db["things"].count_documents({"outbox_at": {"$exists": True}}) == 0
    connection = await aio_pika.connect(broker.url)
    async with connection:
        channel = await connection.channel()
        assert await length(channel, f"{service}.dead") == 0
        assert await length(channel, f"{service}.inbox") == 0


async def test_a_frozen_broker_is_waited_out(db: Db, broker: RabbitPart, service: str) -> None:
    event, effects = thing_event(service), Effects(await carrying(db))
    relay, consumer = pair(db, effects, event, service, broker.url)
    async with running(relay), running(consumer):
        await eventually(lambda: relay.ready and consumer.ready, within=60)
        broker.freeze()
        sent = await commit(db, "thg_1", event, 1, 2, 3)
        await eventually(lambda: not relay.ready, within=60)  # the confirm did not come
        broker.thaw()
        await eventually(lambda: _acted(effects, sent), within=60)


async def test_a_broker_that_lost_its_data_gets_everything_that_was_not_confirmed(
    db: Db, broker: RabbitPart, service: str
) -> None:
    event, effects = thing_event(service), Effects(await carrying(db))
    lonely = thing_event(service, "lonely")
    relay, consumer = pair(db, effects, event, service, broker.url)
    async with running(relay):
        await eventually(lambda: relay.ready, within=60)
        kept = await commit(db, "thg_1", event, 1)  # nobody is bound yet
        await commit(db, "thg_1", lonely, 2)
        await eventually(lambda: _nothing_pending(db))
        broker.kill()
        (broker.folder / "data").rename(broker.folder / "lost")
        await broker.start()
        async with running(consumer):
            await eventually(lambda: _acted(effects, kept), within=60)
    assert await db["outbox_unrouted"].count_documents({}) == 1  # the lonely one waits on


def _longer_than(sent: list[str], count: int) -> bool:
    return len(sent) > count


async def _acted(effects: Effects, wanted: list[str]) -> bool:
    return await effects.ids() == set(wanted)


async def _nothing_pending(db: Db) -> bool:
    return await db["things"].count_documents({"outbox_at": {"$exists": True}}) == 0
