"""What was committed is published: each document's messages in order, none lost, by one relay at a time."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError

from libs.common.messaging.broker import broker_calls
from libs.common.messaging.outbox import EVENTS_EXCHANGE, STANDALONE_COLLECTION, OutboxWaker
from libs.common.messaging.relay import OutboxRelay
from libs.common.messaging.topology import Inbox, declare_exchange
from libs.common.telemetry import metrics
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import (
    Cable,
    Db,
    carrying,
    commit,
    length,
    listening,
    running,
    take_all,
    thing_event,
)


def relay_of(db: Db, amqp_url: str, **options: object) -> OutboxRelay:
    return OutboxRelay(db, ["things"], amqp_url, OutboxWaker(db.name), **options)  # type: ignore[arg-type]


async def test_messages_leave_in_order_and_the_document_is_clean_afterwards(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    sent = {f"thg_{n}": await commit(db, f"thg_{n}", event, 1, 2, 3) for n in range(150)}
    sent["thg_0"] += await commit(db, "thg_0", event, 4)
    relay = relay_of(db, amqp_url)
    assert await relay.drain() == 451
    assert await relay.drain() == 0
    await relay.close()
    arrived = [message.message_id for message in await take_all(channel, inbox.queue)]
    for ids in sent.values():
        assert [message_id for message_id in arrived if message_id in set(ids)] == ids
    assert (
        await db["things"].count_documents({"$or": [{"outbox": {"$exists": True}}, {"outbox_at": {"$exists": True}}]})
        == 0
    )
    assert (await db["things"].find_one({"_id": "thg_0"}) or {})["number"] == 4


async def test_what_is_committed_while_the_relay_works_stays_pending(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    first = await commit(db, "thg_1", event, 1)
    relay = relay_of(db, amqp_url)
    publish = relay._publish_in_order

    async def commit_meanwhile(*args: object) -> None:
        await publish(*args)  # type: ignore[arg-type]
        monkeypatch.undo()
        second.extend(await commit(db, "thg_1", event, 2))

    second: list[str] = []
    monkeypatch.setattr(relay, "_publish_in_order", commit_meanwhile)
    await relay.drain()
    document = await db["things"].find_one({"_id": "thg_1"}) or {}
    assert [item["id"] for item in document["outbox"]] == second
    assert document["outbox_at"]
    await relay.drain()
    await relay.close()
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == first + second


async def test_two_relays_that_clear_the_same_document_leave_it_clean(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    sent = await commit(db, "thg_1", event, 1)
    first, second = (relay_of(db, amqp_url, lease_seconds=0) for _ in range(2))  # neither keeps the other out
    publish = first._publish_in_order

    async def late(*args: Any) -> None:
        await second.drain()
        await publish(*args)

    with patch.object(first, "_publish_in_order", late):
        await first.drain()
    assert await db["things"].find_one({"_id": "thg_1"}) == {"_id": "thg_1", "number": 1}
    sent += await commit(db, "thg_1", event, 2)
    assert await first.drain() == 1
    await first.close()
    await second.close()
    arrived = [message.message_id for message in await take_all(channel, inbox.queue)]
    assert list(dict.fromkeys(arrived)) == sent


async def test_standalone_documents_are_deleted_once_published(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    await listening(channel, service, event.routing_key())
    await commit(db, "evt_alone", event, 1, 2, to=STANDALONE_COLLECTION)
    relay = relay_of(db, amqp_url)
    assert await relay.drain() == 2
    await relay.close()
    assert await db[STANDALONE_COLLECTION].count_documents({}) == 0


async def test_a_refused_message_holds_back_its_own_document_only(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    narrow, wide = thing_event(service, "narrow"), thing_event(service, "wide")
    inbox = await listening(channel, service, wide.routing_key())
    full = await channel.declare_queue(
        f"{service}.narrow", arguments={"x-max-length": 1, "x-overflow": "reject-publish"}, exclusive=True
    )
    await full.bind(await declare_exchange(channel, EVENTS_EXCHANGE), narrow.routing_key())
    await carrying(db)
    held_back = await commit(db, "thg_1", narrow, 1, 2) + await commit(db, "thg_1", wide, 3)
    passed = await commit(db, "thg_2", wide, 1, 2)
    relay = relay_of(db, amqp_url)
    with pytest.raises(DeliveryError):
        await relay.drain()
    document = await db["things"].find_one({"_id": "thg_1"}) or {}
    assert [item["id"] for item in document["outbox"]] == held_back[1:]
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == passed
    await full.purge()
    assert await relay.drain() == 2
    await relay.close()
    assert [message.message_id for message in await take_all(channel, full.name)] == held_back[1:2]
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == held_back[2:]


async def test_a_known_subscriber_misses_nothing_though_it_starts_later_than_another(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    early = await channel.declare_queue(f"{service}.other", exclusive=True)
    await early.bind(await declare_exchange(channel, EVENTS_EXCHANGE), event.routing_key())
    await carrying(db)
    sent = await commit(db, "thg_1", event, 1)
    inbox = Inbox(service, ((EVENTS_EXCHANGE, event.routing_key()),))
    relay = relay_of(db, amqp_url, subscribers=[inbox])
    await relay.drain()
    await relay.close()
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == sent


async def test_nothing_is_lost_or_disordered_while_connections_are_cut(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    sent = {f"thg_{n}": await commit(db, f"thg_{n}", event, 1, 2, 3, 4) for n in range(300)}
    async with Cable(amqp_url) as cable:
        relay = relay_of(db, cable.url, poll_seconds=0.05)

        async def all_published() -> bool:
            return await db["things"].count_documents({"outbox_at": {"$exists": True}}) == 0

        async with running(relay):
            for threshold in (100, 400, 700, 1000):
                await eventually(partial(_longer_than, channel, inbox.queue, threshold))
                await eventually(cable.cut)
            await eventually(all_published, within=60)
    arrived = [message.message_id for message in await take_all(channel, inbox.queue)]
    for ids in sent.values():
        wanted = set(ids)
        first_copies = list(dict.fromkeys(message_id for message_id in arrived if message_id in wanted))
        assert first_copies == ids


async def _longer_than(channel: AbstractChannel, queue: str, count: int) -> bool:
    return await length(channel, queue) > count


async def test_of_two_relays_one_publishes_and_the_other_takes_over(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    inbox = await listening(channel, service, event.routing_key())
    await carrying(db)
    one, two = (relay_of(db, amqp_url, poll_seconds=0.01, lease_seconds=2) for _ in range(2))
    never = asyncio.Event()
    tasks = [asyncio.create_task(relay.run(never)) for relay in (one, two)]
    sent: dict[str, list[str]] = {f"thg_{n}": [] for n in range(20)}
    for number in range(1, 31):
        for thing_id, ids in sent.items():
            ids += await commit(db, thing_id, event, number)
    await eventually(lambda: _longer_than(channel, inbox.queue, 599))
    arrived = [message.message_id for message in await take_all(channel, inbox.queue)]
    assert len(arrived) == 600  # none twice
    for ids in sent.values():
        assert [message_id for message_id in arrived if message_id in set(ids)] == ids

    lease = await db["leases"].find_one({"_id": "outbox-relay"}) or {}
    holder = next(n for n, relay in enumerate((one, two)) if relay._lease._holder == lease["holder"])
    with patch.object((one, two)[holder]._lease, "release"):  # it dies without giving the lease back
        tasks[holder].cancel()
        await asyncio.gather(tasks[holder], return_exceptions=True)
    last = await commit(db, "thg_0", event, 99)
    await eventually(lambda: _longer_than(channel, inbox.queue, 0))
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == last
    tasks[1 - holder].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_lag_is_measured(db: Db, amqp_url: str) -> None:
    await carrying(db)
    await db["things"].insert_one(
        {"_id": "thg_1", "outbox": [{"id": "evt_1", "exchange": EVENTS_EXCHANGE, "key": "a.b.v1", "body": b"{}"}],
         "outbox_at": datetime(2026, 1, 1, tzinfo=UTC)}
    )  # fmt: skip
    await relay_of(db, amqp_url)._measure()
    assert metrics.OUTBOX_PENDING._value.get() == 1
    assert metrics.OUTBOX_LAG._value.get() > 3600


async def test_calls_that_aiormq_abandons_are_connection_errors_and_a_real_cancellation_is_not() -> None:
    abandoned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    abandoned.cancel()
    for failing in (abandoned, asyncio.gather(_bare_exception())):
        with pytest.raises(ConnectionError), broker_calls():
            await failing

    async def waiting() -> None:
        with broker_calls():
            await asyncio.Event().wait()

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _bare_exception() -> None:
    raise Exception
