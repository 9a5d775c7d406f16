"""A consumer outlives cut connections, deleted queues and its own end without losing or repeating an effect."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from libs.common.messaging import broker
from libs.common.messaging.consumer import Consumer, Deliver, Subscription
from libs.common.messaging.events import Envelope, Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.topology import REASON_HEADER, Inbox
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import (
    Cable,
    Db,
    Effects,
    envelope_of,
    length,
    running,
    send,
    take_all,
    thing_event,
)

QUICK = (0.01, 0.02, 0.03, 0.04)


@pytest.fixture
def event(service: str) -> type[Event]:
    return thing_event(service)


@pytest.fixture
def effects(db: Db) -> Effects:
    return Effects(db)


def consumer_of(
    service: str, event: type[Event], handler: Callable[..., Any], deliver: Deliver, amqp_url: str, **options: Any
) -> Consumer:
    subscribed = [Subscription(EVENTS_EXCHANGE, event.routing_key(), event, handler)]
    return Consumer(service, subscribed, deliver, amqp_url, **{"retry_delays": QUICK, **options})


async def number_of(event: Any, _: Any) -> Any:
    return event.number


async def _has(channel: AbstractChannel, queue: str, count: int) -> bool:
    return await length(channel, queue) == count


async def test_no_message_is_lost_and_none_acts_twice_while_connections_are_cut(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    async def handle(happened: Any, _: Any) -> int:
        await asyncio.sleep(0.005)
        return int(happened.number)

    async with (
        Cable(amqp_url) as cable,
        running(consumer_of(service, event, handle, effects.deliver, cable.url)) as consumer,
    ):
        await eventually(lambda: consumer.ready)
        sent = [envelope_of(event, f"thg_{number % 7}", number) for number in range(400)]
        for envelope in sent:
            await send(channel, event, envelope)
        for threshold in (10, 100, 200, 300):
            await eventually(partial(_more_than, effects, threshold), within=60)
            await eventually(cable.cut)
        await eventually(lambda: _more_than(effects, 399), within=60)
        assert consumer.healthy
    assert await effects.ids() == {envelope.id for envelope in sent}
    assert await length(channel, f"{service}.dead") == 0


async def _more_than(effects: Effects, count: int) -> bool:
    return len(await effects.ids()) > count


async def test_a_consumer_that_the_broker_cancelled_comes_back(
    service: str,
    event: type[Event],
    effects: Effects,
    amqp_url: str,
    channel: AbstractChannel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(consumer_of(service, event, number_of, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        inbox = Inbox(service, ((EVENTS_EXCHANGE, event.routing_key()),))
        await channel.queue_delete(inbox.queue)
        await eventually(lambda: "cancelled by the broker" in caplog.text)
        await inbox.declare(channel)  # as a relay does, so that only the cancellation tells
        await send(channel, event, envelope_of(event, "thg_1", 1))
        await eventually(effects.all)


async def test_a_binding_that_was_removed_comes_back(
    service: str,
    event: type[Event],
    effects: Effects,
    amqp_url: str,
    channel: AbstractChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker, "_DECLARED_EVERY", 0.1)
    async with running(consumer_of(service, event, number_of, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        queue = await channel.get_queue(f"{service}.inbox", ensure=False)
        await queue.unbind(EVENTS_EXCHANGE, event.routing_key())

        async def bound() -> bool:
            try:
                await send(channel, event, envelope_of(event, "thg_1", 1))
            except aio_pika.exceptions.PublishError:
                return False
            return True

        await eventually(bound)
        await eventually(effects.all)


async def test_stopping_finishes_what_has_begun_and_leaves_the_rest_in_the_queue(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handle(happened: Any, _: Any) -> int:
        begun.set()
        await go_on.wait()
        return int(happened.number)

    consumer = consumer_of(service, event, handle, effects.deliver, amqp_url, prefetch=1)
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    await eventually(lambda: consumer.ready)
    for number in (1, 2):
        await send(channel, event, envelope_of(event, "thg_1", number))
    await begun.wait()
    stop.set()
    assert not task.done()
    go_on.set()
    await task
    assert await effects.all() == [1]
    assert await length(channel, f"{service}.inbox") == 1


async def test_what_does_not_finish_in_time_goes_back_to_the_queue(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    begun = asyncio.Event()

    async def never_ends(_: Any, __: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    consumer = consumer_of(service, event, never_ends, effects.deliver, amqp_url)
    task = asyncio.create_task(consumer.run(asyncio.Event()))
    await eventually(lambda: consumer.ready)
    await send(channel, event, envelope_of(event, "thg_1", 1))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: _has(channel, f"{service}.inbox", 1))
    assert await effects.all() == []


async def test_a_handler_that_hangs_counts_as_failed(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    async def hangs(_: Any, __: Any) -> None:
        await asyncio.Event().wait()

    consumer = consumer_of(service, event, hangs, effects.deliver, amqp_url, handler_seconds=0.02)
    async with running(consumer):
        await eventually(lambda: consumer.ready)
        await send(channel, event, envelope_of(event, "thg_1", 1))
        await eventually(lambda: _has(channel, f"{service}.dead", 1))
    (dead,) = await take_all(channel, f"{service}.dead")
    assert dead.headers[REASON_HEADER] == "TimeoutError"


async def test_of_two_replicas_one_works_so_that_the_order_holds(
    service: str, event: type[Event], amqp_url: str, channel: AbstractChannel
) -> None:
    handled: list[Sequence[object]] = []

    def delivering(replica: str) -> Deliver:
        async def deliver(_: Any, payload: Any, __: Envelope) -> None:
            handled.append((replica, payload.number))

        return deliver

    one, two = (consumer_of(service, event, number_of, delivering(name), amqp_url) for name in ("one", "two"))
    async with running(two):
        await eventually(lambda: two.ready)
        async with running(one):
            await eventually(lambda: one.ready)
            for number in range(50):
                await send(channel, event, envelope_of(event, "thg_1", number))
            await eventually(lambda: len(handled) == 50)
    assert handled == [("two", number) for number in range(50)]
