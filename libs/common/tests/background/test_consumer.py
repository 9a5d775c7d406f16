"""Each message has its effect once, in its aggregate's order, whatever handlers and connections do."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from opentelemetry import trace

from libs.common.errors import Unavailable
from libs.common.messaging.consumer import Consumer, Deliver, Subscription
from libs.common.messaging.events import Envelope, Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.topology import REASON_HEADER, REDELIVERIES, Inbox, attempts_of, declare_exchange, outgoing
from libs.common.telemetry.logs import current_context
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import (
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


async def test_one_aggregates_messages_are_handled_in_order_and_several_aggregates_at_once(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    seen: dict[str, list[int]] = defaultdict(list)
    busy: list[str] = []
    all_sent = asyncio.Event()
    most_at_once = overlaps = 0

    async def handle(happened: Any, _: Any) -> None:
        nonlocal most_at_once, overlaps
        overlaps += happened.thing_id in busy
        busy.append(happened.thing_id)
        most_at_once = max(most_at_once, len(busy))
        await all_sent.wait()
        if happened.number == 1:  # the first is the slowest
            await asyncio.sleep(0.02)
        seen[happened.thing_id].append(happened.number)
        busy.remove(happened.thing_id)

    async with running(consumer_of(service, event, handle, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        for number in range(1, 6):
            for thing in range(10):
                await send(channel, event, envelope_of(event, f"thg_{thing}", number))
        all_sent.set()
        await eventually(lambda: sum(map(len, seen.values())) >= 50)
    assert dict(seen) == {f"thg_{thing}": [1, 2, 3, 4, 5] for thing in range(10)}
    assert overlaps == 0
    assert most_at_once == 10


async def test_a_message_that_comes_twice_acts_once(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    async with running(consumer_of(service, event, number_of, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        envelope = envelope_of(event, "thg_1", 7)
        for _ in range(3):
            await send(channel, event, envelope)
        await eventually(lambda: effects.deliveries == 3)
    assert await effects.all() == [7]
    assert await length(channel, f"{service}.inbox") == 0
    assert await length(channel, f"{service}.dead") == 0


async def test_a_poison_message_is_dead_after_five_attempts_and_the_good_ones_flow_on(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    attempts = 0

    async def handle(happened: Any, _: Any) -> int:
        nonlocal attempts
        if happened.number == 13:
            attempts += 1
            raise KeyError("+919812345678")
        return int(happened.number)

    async with running(consumer_of(service, event, handle, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        poison = envelope_of(event, "thg_1", 13)
        await send(channel, event, poison)
        for number in range(20, 40):
            await send(channel, event, envelope_of(event, "thg_1", number))
        await eventually(lambda: _has(channel, f"{service}.dead", 1))
    assert attempts == 5
    assert sorted(await effects.all()) == list(range(20, 40))
    (dead,) = await take_all(channel, f"{service}.dead")
    assert dead.message_id == poison.id
    assert dead.headers[REASON_HEADER] == "KeyError"
    assert attempts_of(dead) == 5


async def _has(channel: AbstractChannel, queue: str, count: int) -> bool:
    return await length(channel, queue) == count


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{not json", "envelope (: json_invalid)"),
        (b'{"id": "evt_1", "phone": "+919812345678"}', "envelope (type: missing, version: missing"),
    ],
)
async def test_what_cannot_be_read_is_dead_at_once(
    service: str,
    event: type[Event],
    effects: Effects,
    amqp_url: str,
    channel: AbstractChannel,
    body: bytes,
    reason: str,
) -> None:
    async with running(consumer_of(service, event, number_of, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        await send(channel, event, body, "evt_1")
        await eventually(lambda: _has(channel, f"{service}.dead", 1))
    (dead,) = await take_all(channel, f"{service}.dead")
    assert str(dead.headers[REASON_HEADER]).startswith(reason)
    assert "98123" not in str(dead.headers)
    assert effects.deliveries == 0


async def test_data_that_is_not_the_events_is_dead_at_once(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    async with running(consumer_of(service, event, number_of, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        await send(channel, event, envelope_of(event, "thg_1", 1, data={"thing_id": "thg_1", "number": "many"}))
        await eventually(lambda: _has(channel, f"{service}.dead", 1))
    (dead,) = await take_all(channel, f"{service}.dead")
    assert dead.headers[REASON_HEADER] == "data (number: int_parsing)"
    assert attempts_of(dead) == 1


async def test_an_outage_does_not_use_up_the_attempts_of_a_fresh_message(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    tries: dict[int, int] = defaultdict(int)

    async def handle(happened: Any, _: Any) -> int:
        tries[happened.number] += 1
        if tries[happened.number] <= 7:
            raise Unavailable
        return int(happened.number)

    async with running(consumer_of(service, event, handle, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        await send(channel, event, envelope_of(event, "thg_1", 1))
        stale = datetime.now(UTC) - timedelta(days=2)
        await send(channel, event, envelope_of(event, "thg_2", 2, occurred_at=stale))
        await eventually(lambda: _has(channel, f"{service}.dead", 1))
        await eventually(effects.all)
    assert await effects.all() == [1]
    assert tries == {1: 8, 2: 5}


async def test_a_message_this_release_has_no_handler_for_is_not_dropped(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    newer = thing_event(service, "newer")
    old_release = consumer_of(service, event, number_of, effects.deliver, amqp_url)
    await Inbox(service, ((EVENTS_EXCHANGE, newer.routing_key()),)).declare(channel)
    async with running(old_release):
        await eventually(lambda: old_release.ready)
        await send(channel, newer, envelope_of(newer, "thg_1", 1))
        await eventually(lambda: _has(channel, f"{service}.dead", 1))
    (dead,) = await take_all(channel, f"{service}.dead")
    assert dead.headers[REASON_HEADER] == "NoHandler"


async def test_the_broker_gives_up_a_message_that_takes_its_consumer_down_each_time(
    service: str, event: type[Event], amqp_url: str, channel: AbstractChannel
) -> None:
    inbox = Inbox(service, ((EVENTS_EXCHANGE, event.routing_key()),))
    await inbox.declare(channel)
    await inbox.declare_retries(channel, len(QUICK))
    killer = envelope_of(event, "thg_1", 1)
    await send(channel, event, killer)
    for _ in range(REDELIVERIES + 1):
        connection = await aio_pika.connect(amqp_url)
        queue = await (await connection.channel()).get_queue(inbox.queue, ensure=False)
        async with queue.iterator() as messages:
            await anext(messages)
            await connection.close()
    await eventually(lambda: _has(channel, inbox.dead, 1))
    (dead,) = await take_all(channel, inbox.dead)
    assert dead.message_id == killer.id


async def test_an_envelope_subscription_gets_everything_of_its_exchange(
    service: str, effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    seen: list[Envelope] = []

    async def record(envelope: Envelope, _: Any) -> None:
        seen.append(envelope)

    exchange = await declare_exchange(channel, f"{service}.audit")
    subscribed = [Subscription(exchange.name, "#", None, record)]
    async with running(Consumer(service, subscribed, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        envelopes = [envelope_of(thing_event(service, name), f"thg_{name}", 1) for name in ("one", "two")]
        for number, envelope in enumerate(envelopes):
            body = envelope.model_dump_json().encode()
            key = f"any.key.{number}"
            await exchange.publish(outgoing(body, envelope.id, exchange.name, key), key)
        await eventually(lambda: len(seen) == 2)
    assert sorted(seen, key=lambda e: e.id) == envelopes
    await exchange.delete()


async def test_the_handler_works_in_the_context_of_what_caused_the_message(
    service: str, event: type[Event], effects: Effects, amqp_url: str, channel: AbstractChannel
) -> None:
    found: dict[str, Any] = {}

    async def handle(_: Any, __: Any) -> None:
        found.update(current_context(), trace=trace.get_current_span().get_span_context().trace_id)

    async with running(consumer_of(service, event, handle, effects.deliver, amqp_url)) as consumer:
        await eventually(lambda: consumer.ready)
        traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await send(channel, event, envelope_of(event, "thg_1", 1, traceparent=traceparent))
        await eventually(lambda: found)
    assert found["request_id"] == "req_1"
    assert found["actor_id"] == "usr_1"
    assert found["trace"] == 0x0AF7651916CD43DD8448EB211C80319C
