"""Dead messages come back when somebody says so: all, some or one; and acting twice is impossible anyway."""

import asyncio
import os
import sys

import pytest
from aio_pika.abc import AbstractChannel

from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.events import Envelope, Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.replay import replay
from libs.common.messaging.topology import Inbox, attempts_of, copy_of, origin, outgoing
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import (
    Db,
    Effects,
    envelope_of,
    length,
    running,
    take_all,
    thing_event,
)


@pytest.fixture
def event(service: str) -> type[Event]:
    return thing_event(service)


@pytest.fixture
async def dead(service: str, event: type[Event], channel: AbstractChannel) -> list[Envelope]:
    """Three messages that were given up."""
    inbox = Inbox(service, ((EVENTS_EXCHANGE, event.routing_key()),))
    await inbox.declare(channel)
    await inbox.declare_retries(channel, 1)
    envelopes = [envelope_of(event, f"thg_{number}", number) for number in range(3)]
    for envelope in envelopes:
        body = envelope.model_dump_json().encode()
        failed = outgoing(body, envelope.id, EVENTS_EXCHANGE, event.routing_key())
        given_up = copy_of(failed, attempts=5, reason="KeyError")
        await channel.default_exchange.publish(given_up, routing_key=inbox.dead)
    return envelopes


async def test_all_come_back_with_their_attempts_forgotten(
    service: str, event: type[Event], dead: list[Envelope], amqp_url: str, channel: AbstractChannel
) -> None:
    assert await replay(amqp_url, service) == 3
    assert await length(channel, f"{service}.dead") == 0
    messages = await take_all(channel, f"{service}.inbox")
    assert [message.message_id for message in messages] == [envelope.id for envelope in dead]
    assert {attempts_of(message) for message in messages} == {0}
    assert {origin(message) for message in messages} == {(EVENTS_EXCHANGE, event.routing_key())}


async def test_at_most_so_many(service: str, dead: list[Envelope], amqp_url: str, channel: AbstractChannel) -> None:
    assert await replay(amqp_url, service, limit=2) == 2
    messages = await take_all(channel, f"{service}.inbox")
    assert [message.message_id for message in messages] == [envelope.id for envelope in dead[:2]]
    await eventually(lambda: _has(channel, f"{service}.dead", 1))


async def test_one_by_its_id_and_the_others_stay_in_order(
    service: str, dead: list[Envelope], amqp_url: str, channel: AbstractChannel
) -> None:
    assert await replay(amqp_url, service, message_id=dead[1].id) == 1
    assert [message.message_id for message in await take_all(channel, f"{service}.inbox")] == [dead[1].id]
    await eventually(lambda: _has(channel, f"{service}.dead", 2))
    left = await take_all(channel, f"{service}.dead")
    assert [message.message_id for message in left] == [dead[0].id, dead[2].id]


async def test_looking_moves_nothing_from_the_command_line_either(
    service: str, dead: list[Envelope], amqp_url: str, channel: AbstractChannel
) -> None:
    command = [sys.executable, "-m", "libs.common.messaging.replay", service, "--dry-run"]
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "AMQP_URL": amqp_url}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    lines = output.decode().splitlines()
    assert process.returncode == 0
    assert [line.split()[0] for line in lines[:3]] == [envelope.id for envelope in dead]
    assert "after 5 attempts  KeyError" in lines[0]
    assert lines[3] == f"3 would be moved to {service}.inbox"
    await eventually(lambda: _has(channel, f"{service}.dead", 3))


async def test_a_replayed_message_that_was_handled_meanwhile_does_nothing(
    service: str, event: type[Event], dead: list[Envelope], db: Db, amqp_url: str
) -> None:
    effects = Effects(db)

    async def handle(happened: Envelope, _: object) -> str:
        return happened.id

    await effects.deliver(handle, dead[0], dead[0])
    subscribed = [Subscription(EVENTS_EXCHANGE, event.routing_key(), None, handle)]
    await replay(amqp_url, service)
    async with running(Consumer(service, subscribed, effects.deliver, amqp_url)):
        await eventually(lambda: effects.deliveries == 4)
    assert sorted(await effects.all()) == [envelope.id for envelope in dead]


async def _has(channel: AbstractChannel, queue: str, count: int) -> bool:
    return await length(channel, queue) == count
