"""From the bus to the phone: consumer and sender beside each other, woken by the commit."""

import asyncio
import time
from collections.abc import AsyncIterator
from unittest.mock import patch

import aio_pika
import pytest_asyncio

from libs.common.ids import new_id
from libs.common.messaging.consumer import Consumer, subscriptions
from libs.common.messaging.events import Envelope
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.testing.waiting import eventually
from libs.contracts.auth import OtpRequested
from services.notifications.consumers.subscriptions import SUBSCRIPTIONS
from services.notifications.jobs import sender
from services.notifications.tests.builders import Desk
from services.notifications.worker import and_send


@pytest_asyncio.fixture(loop_scope="session")
async def working(desk: Desk, amqp_url: str) -> AsyncIterator[Desk]:
    """The parts of the worker, with an inbox of this test's own and a poll that comes too late to help."""
    name, stop = new_id("t"), asyncio.Event()
    consumer = Consumer(name, subscriptions(SUBSCRIPTIONS), and_send(desk.runtime), amqp_url)
    with patch.object(sender, "POLL_SECONDS", 60.0):
        parts = [asyncio.create_task(part.run(stop)) for part in (consumer, desk.sender)]

        async def ready() -> bool:
            return consumer.ready and desk.sender.ready

        await eventually(ready)
        yield desk
        stop.set()
        await asyncio.gather(*parts)
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        for queue in ("inbox", "dead", "retry.1", "retry.2", "retry.3", "retry.4"):
            await channel.queue_delete(f"{name}.{queue}")


async def test_a_requested_code_is_on_the_phone_at_once(working: Desk, amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS_EXCHANGE)
        with patch.object(working, "happens", new=_keep) as _:
            challenge_id = await working.code_is_requested(code="482913")
        envelope: Envelope = working.envelope(OtpRequested(challenge_id=challenge_id), clinic_id=None)
        began = time.perf_counter()
        await exchange.publish(aio_pika.Message(envelope.model_dump_json().encode()), OtpRequested.routing_key())

        async def arrived() -> bool:
            return bool(await working.arrived())

        await eventually(arrived)
    assert time.perf_counter() - began < 5  # the poll would have come after a minute


async def _keep(*_: object, **__: object) -> None:
    """The event goes over the bus in this test."""
