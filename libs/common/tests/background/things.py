"""A made-up domain for the messaging tests: things that happen, documents that carry them, and a cut cable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from yarl import URL

from libs.common.ids import new_id
from libs.common.messaging.events import AggregateRef, Envelope, Event, EventActor
from libs.common.messaging.outbox import EVENTS_EXCHANGE, OUTBOX_INDEX, OutboxItem
from libs.common.messaging.topology import Inbox, declare_exchange, outgoing
from libs.common.testing.waiting import eventually

Db = AsyncDatabase[dict[str, Any]]


def thing_event(publisher: str, name: str = "happened") -> type[Event]:
    """An event class of its own for each test, so that no queue of another test is bound to it."""

    class ThingHappened(Event):
        aggregate_type = "thing"
        thing_id: str
        number: int

    ThingHappened.publisher = publisher
    ThingHappened.type = f"THING_{name.upper()}"
    return ThingHappened


def envelope_of(kind: type[Event], thing_id: str, number: int, **changed: Any) -> Envelope:
    return Envelope(
        id=new_id("evt"),
        type=kind.type,
        version=kind.version,
        occurred_at=datetime.now(UTC),
        clinic_id="cln_1",
        actor=EventActor(id="usr_1", role="admin"),
        aggregate=AggregateRef(type="thing", id=thing_id, seq=number),
        correlation_id="req_1",
        data={"thing_id": thing_id, "number": number},
    ).model_copy(update=changed)


async def commit(db: Db, thing_id: str, kind: type[Event], *numbers: int, to: str = "things") -> list[str]:
    """What `transact` does in one write: the change and its messages. The messages' ids."""
    envelopes = [envelope_of(kind, thing_id, number) for number in numbers]
    items = [OutboxItem.of(e, exchange=EVENTS_EXCHANGE, key=kind.routing_key()).stored() for e in envelopes]
    await db[to].update_one(
        {"_id": thing_id},
        {
            "$set": {"number": numbers[-1]},
            "$push": {"outbox": {"$each": items}},
            "$min": {"outbox_at": datetime.now(UTC)},
        },
        upsert=True,
    )
    return [envelope.id for envelope in envelopes]


async def carrying(db: Db, name: str = "things") -> Db:
    await db[name].create_indexes([OUTBOX_INDEX])
    return db


async def send(channel: AbstractChannel, kind: type[Event], envelope: Envelope | bytes, message_id: str = "") -> None:
    """Publish as the relay does."""
    exchange = await declare_exchange(channel, EVENTS_EXCHANGE)
    if isinstance(envelope, Envelope):
        body, message_id = OutboxItem.of(envelope, exchange="", key="").body, envelope.id
    else:
        body = envelope
    await exchange.publish(outgoing(body, message_id, EVENTS_EXCHANGE, kind.routing_key()), kind.routing_key())


class Effects:
    """Stands in for `transact`: a handler's effect and its message's id are committed together, once.

    What a handler returns is recorded as its effect.
    """

    def __init__(self, db: Db) -> None:
        self._effects = db["effects"]
        self.deliveries = 0

    async def deliver(self, handler: Callable[..., Awaitable[Any]], payload: Any, envelope: Envelope) -> None:
        self.deliveries += 1
        effect = await handler(payload, None)
        with contextlib.suppress(DuplicateKeyError):
            await self._effects.insert_one({"_id": envelope.id, "effect": effect, "at": datetime.now(UTC)})

    async def ids(self) -> set[str]:
        return {row["_id"] async for row in self._effects.find({}, {"_id": 1})}

    async def all(self) -> list[Any]:
        return [row["effect"] async for row in self._effects.find({})]


@contextlib.asynccontextmanager
async def running(part: Any) -> AsyncIterator[Any]:
    """A relay, consumer or job runner at work; stopped the graceful way."""
    stop = asyncio.Event()
    task = asyncio.create_task(part.run(stop))
    try:
        yield part
    finally:
        stop.set()
        await task


class Cable:
    """A TCP connection to the broker that can be cut."""

    def __init__(self, amqp_url: str) -> None:
        self._target = URL(amqp_url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = str(self._target.with_host(host).with_port(port))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        writers, self._writers = self._writers, set()
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def take_all(channel: AbstractChannel, queue_name: str) -> list[AbstractIncomingMessage]:
    """Everything that is in the queue now, acknowledged."""
    queue = await channel.declare_queue(queue_name, passive=True)
    wanted = queue.declaration_result.message_count or 0
    messages: list[AbstractIncomingMessage] = []

    async def take(message: AbstractIncomingMessage) -> None:
        messages.append(message)
        await message.ack()

    tag = await queue.consume(take)
    await eventually(lambda: len(messages) >= wanted)
    await queue.cancel(tag)
    return messages


async def length(channel: AbstractChannel, queue_name: str) -> int:
    queue = await channel.declare_queue(queue_name, passive=True)
    return queue.declaration_result.message_count or 0


async def listening(channel: AbstractChannel, service: str, *keys: str) -> Inbox:
    """An inbox of that service, bound to these keys."""
    inbox = Inbox(service, tuple((EVENTS_EXCHANGE, key) for key in keys))
    await inbox.declare(channel)
    return inbox
