"""Hands the messages of a service's inbox to its handlers: each once at least, one aggregate's in their order.

A handler that fails is tried again after growing delays and at most five times, then its message is in
`<service>.dead` with the reason; what cannot even be read goes there at once. A message that waits for another
try lets those behind it pass, so a handler for which that matters compares `envelope.aggregate.seq`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import aiormq
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from opentelemetry.trace import SpanKind
from pydantic import ValidationError
from pymongo.errors import ConnectionFailure

from libs.common.clock import Clock, SystemClock
from libs.common.errors import Unavailable
from libs.common.messaging.broker import BROKER_ERRORS, RPC_TIMEOUT, Link, broker_calls
from libs.common.messaging.events import Envelope, Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.topology import Inbox, attempts_of, copy_of, origin
from libs.common.resilience.waiting import backoff, pause
from libs.common.telemetry import metrics
from libs.common.telemetry.logs import bind_context, get_logger
from libs.common.telemetry.tracing import mark_failed, remote_span

Handler = Callable[[Any, Any], Awaitable[Any]]
"""`async def on_x(event: X, tx: Tx) -> None`: the shape of a use case."""

Deliver = Callable[[Handler, Event | Envelope, Envelope], Awaitable[object]]
"""Runs a handler with its event and commits; returns normally when this envelope was handled before."""

RETRY_DELAYS = (1.0, 5.0, 15.0, 30.0)
"""Seconds before the second, third, fourth and fifth attempt."""

OUTAGES: tuple[type[Exception], ...] = (Unavailable, ConnectionFailure)
"""Failures that say nothing about the message: for a day they do not count as attempts."""

_OUTAGE_PATIENCE = timedelta(days=1)
_CHECKED_EVERY = 1.0
_MEASURED_EVERY = 5.0
_STALLED_AFTER = 60.0
_HANDLED = metrics.counter("messages_handled", "Messages taken from an inbox", "queue", "routing_key", "outcome")
_DURATION = metrics.histogram(
    "message_handling_ms", "From a message's arrival in this process to its outcome", "queue", "routing_key"
)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What arrives on `exchange` with `routing_key` (exact, or `#` for everything) goes to `handler`, as `model`
    or, without one, as the envelope itself."""

    exchange: str
    routing_key: str
    model: type[Event] | None
    handler: Handler


def subscriptions(table: Mapping[type[Event], Handler]) -> list[Subscription]:
    """A service's table of events and handlers, as subscriptions."""
    return [Subscription(EVENTS_EXCHANGE, event.routing_key(), event, handler) for event, handler in table.items()]


def inbox_of(service: str, subscribed: Sequence[Subscription]) -> Inbox:
    """The inbox of a service with these subscriptions."""
    return Inbox(service, tuple((s.exchange, s.routing_key) for s in subscribed))


class NoHandler(Exception):
    """The inbox is bound to something this release does not know; while one is rolled out, the next may."""


class Unreadable(Exception):
    """No later attempt will read this either. Says where and in which way, without the values."""

    def __init__(self, what: str, violation: ValidationError) -> None:
        found = violation.errors(include_input=False, include_url=False, include_context=False)
        places = ", ".join(f"{'.'.join(map(str, error['loc']))}: {error['type']}" for error in found[:5])
        super().__init__(f"{what} ({places})")


class Consumer:
    """One per worker process. `run` it; it reconnects by itself and declares everything it needs."""

    def __init__(
        self,
        service: str,
        subscribed: Sequence[Subscription],
        deliver: Deliver,
        amqp_url: str,
        *,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        prefetch: int = 50,
        handler_seconds: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self._inbox = inbox_of(service, subscribed)
        self._by_route = {(s.exchange, s.routing_key): s for s in subscribed}
        self._deliver = deliver
        self._retry_delays = retry_delays
        self._prefetch = prefetch
        self._handler_seconds = handler_seconds
        self._clock = clock or SystemClock()
        self._link = Link(amqp_url, f"{service} consumer", self._declare)
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._in_flight: set[asyncio.Task[None]] = set()
        self._alive_at: float | None = None
        self._measured_at = 0.0

    @property
    def healthy(self) -> bool:
        """False when the loop hangs; a broker that is away is not the consumer's illness."""
        return self._alive_at is None or asyncio.get_running_loop().time() - self._alive_at < _STALLED_AFTER

    @property
    def ready(self) -> bool:
        """Whether messages can arrive right now."""
        return self._link.connected and self._measured_at > 0

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish what has begun. Cancel it to give up what has not finished;
        that goes back to the queue."""
        loop = asyncio.get_running_loop()
        failures = 0
        try:
            while not stop.is_set():
                begun = self._alive_at = loop.time()
                try:
                    with broker_calls():
                        await self._consume(stop)
                except BROKER_ERRORS as error:
                    failures = 1 if loop.time() - begun > _STALLED_AFTER else failures + 1
                    _log.warning("consumer lost the broker", error_type=type(error).__name__, attempt=failures)
                    await self._link.drop()
                    await pause(backoff(failures), unless=stop)
            while self._in_flight:
                await asyncio.wait(self._in_flight)
        finally:
            for task in self._in_flight:
                task.cancel()
            await asyncio.gather(*self._in_flight, return_exceptions=True)
            await self._link.drop()

    async def _declare(self, channel: AbstractChannel) -> None:
        await self._inbox.declare_retries(channel, len(self._retry_delays))
        await self._inbox.declare(channel)

    async def _consume(self, stop: asyncio.Event) -> None:
        """Take messages until `stop` is set. Raises BROKER_ERRORS when that ends for any other reason."""
        channel = await self._link.channel()
        async with asyncio.timeout(RPC_TIMEOUT):
            await channel.set_qos(prefetch_count=self._prefetch)
            queue = await channel.get_queue(self._inbox.queue, ensure=False)
            tag = await queue.consume(self._take)
        underlay = cast("aiormq.Channel", await channel.get_underlay_channel())
        while not stop.is_set():
            self._alive_at = asyncio.get_running_loop().time()
            if await self._link.channel() is not channel or tag not in underlay.consumers:
                raise ConnectionError("the broker took the consumer away")  # its queue was deleted, for example
            await self._measure(channel)
            await pause(_CHECKED_EVERY, unless=stop)
        async with asyncio.timeout(RPC_TIMEOUT):
            await queue.cancel(tag)

    async def _measure(self, channel: AbstractChannel) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._measured_at < _MEASURED_EVERY:
            return
        async with asyncio.timeout(RPC_TIMEOUT):
            for name in (self._inbox.queue, self._inbox.dead):
                queue = await channel.declare_queue(name, passive=True)
                metrics.QUEUE_LENGTH.labels(name).set(queue.declaration_result.message_count or 0)
        self._measured_at = now

    async def _take(self, message: AbstractIncomingMessage) -> None:
        """Runs through without awaiting anything, so that the lanes get their messages in order of arrival."""
        try:
            envelope = Envelope.model_validate_json(message.body)
        except ValidationError as violation:
            lane = f"unreadable:{message.delivery_tag}"
            work = self._bury(message, Unreadable("envelope", violation))
        else:
            lane = envelope.aggregate.id
            work = self._handle(message, envelope, after=self._lanes.get(lane))
        task = asyncio.create_task(work)
        self._lanes[lane] = task
        self._in_flight.add(task)
        task.add_done_callback(lambda done: self._finished(lane, done))

    def _finished(self, lane: str, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if self._lanes.get(lane) is task:
            del self._lanes[lane]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("message left unsettled", exc_info=error)

    async def _handle(
        self, message: AbstractIncomingMessage, envelope: Envelope, after: "asyncio.Task[None] | None"
    ) -> None:
        if after is not None:
            await asyncio.wait([after])
        started = asyncio.get_running_loop().time()
        _, key = origin(message)
        bind_context(
            request_id=envelope.correlation_id,
            actor_id=envelope.actor.id,
            clinic_id=envelope.clinic_id,
            route=key,
        )
        details = {"messaging.message.id": envelope.id, "messaging.destination.name": self._inbox.queue}
        with remote_span(f"handle {key}", SpanKind.CONSUMER, envelope.traceparent, details) as span:
            try:
                async with asyncio.timeout(self._handler_seconds):
                    await self._dispatch(message, envelope)
            except Unreadable as error:
                mark_failed(span, "Unreadable")
                await self._bury(message, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted and tried again
                mark_failed(span, type(error).__qualname__)
                await self._fail(message, envelope, error)
                return
        await self._settle(message, "handled")
        took = (asyncio.get_running_loop().time() - started) * 1000
        _DURATION.labels(self._inbox.queue, key).observe(took)
        _log.info("message handled", event_id=envelope.id, latency_ms=round(took, 1), outcome="handled")

    async def _dispatch(self, message: AbstractIncomingMessage, envelope: Envelope) -> None:
        exchange, key = origin(message)
        subscription = self._by_route.get((exchange, key)) or self._by_route.get((exchange, "#"))
        if subscription is None:
            raise NoHandler
        if subscription.model is None:
            payload: Event | Envelope = envelope
        else:
            try:
                payload = subscription.model.model_validate(envelope.data)
            except ValidationError as violation:
                raise Unreadable("data", violation) from None
        await self._deliver(subscription.handler, payload, envelope)

    async def _fail(self, message: AbstractIncomingMessage, envelope: Envelope, error: Exception) -> None:
        """Let it wait for its next attempt, or give it up."""
        failed = attempts_of(message) + 1
        delays = self._retry_delays
        if isinstance(error, OUTAGES) and self._clock.now() - envelope.occurred_at < _OUTAGE_PATIENCE:
            turn, failed = max(1, len(delays) // 2), failed - 1
        elif failed <= len(delays):
            turn = failed
        else:
            await self._bury(message, error)
            return
        _log.warning(
            "message failed, waits for another attempt",
            event_id=message.message_id,
            attempt=failed,
            delay_ms=delays[turn - 1] * 1000,
            exc_info=error,
        )
        copy = copy_of(message, attempts=failed, reason=type(error).__name__, delay=delays[turn - 1])
        await self._settle(message, "failed", move=(self._inbox.retry(turn), copy))

    async def _bury(self, message: AbstractIncomingMessage, error: Exception) -> None:
        reason = str(error) if isinstance(error, Unreadable) else type(error).__name__
        _log.error("message given up", event_id=message.message_id, queue=self._inbox.dead, reason=reason)
        copy = copy_of(message, attempts=attempts_of(message) + 1, reason=reason)
        await self._settle(message, "dead", move=(self._inbox.dead, copy))

    async def _settle(
        self, message: AbstractIncomingMessage, outcome: str, move: "tuple[str, Message] | None" = None
    ) -> None:
        """Acknowledge, after the copy is safe where it goes. If the broker is away now, it delivers again."""
        try:
            with broker_calls():
                if move is not None:
                    queue, copy = move
                    await message.channel.basic_publish(
                        copy.body,
                        routing_key=queue,
                        properties=copy.properties,
                        mandatory=True,
                        timeout=RPC_TIMEOUT,
                    )
                await message.ack()
        except BROKER_ERRORS as error:
            outcome = "returned"
            _log.warning("message not settled, it will come again", error_type=type(error).__name__)
            with contextlib.suppress(*BROKER_ERRORS), broker_calls():
                await message.channel.close()  # which also has the missing queue declared again
        _HANDLED.labels(self._inbox.queue, origin(message)[1], outcome).inc()
