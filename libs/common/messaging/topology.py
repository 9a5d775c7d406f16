"""The exchanges and queues of the platform, in one place, so that every process declares them alike.

                      +-- scheduling.appointment_confirmed.v1 --> billing.inbox --> consumer
    clinic.events ----+                                             ^      |
                      +-- ... --> notifications.inbox               |      +-- failed --> billing.retry.1 .. 4
                                                                    +---- after its delay ------+   |
                                                                           +-- failed for good --> billing.dead

A queue's arguments cannot be changed in place: the broker refuses to declare it with others. Delays are
therefore a property of the message, not of the queue.
"""

from dataclasses import dataclass
from typing import Any

from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractMessage

DEAD_KEPT_SECONDS = 30 * 24 * 3600
REDELIVERIES = 20
"""How often the broker itself hands out a message whose consumer vanished with it, before it counts as poison."""

EXCHANGE_HEADER = "exchange"
KEY_HEADER = "key"
ATTEMPTS_HEADER = "attempts"
REASON_HEADER = "reason"


@dataclass(frozen=True, slots=True)
class Inbox:
    """The queues of one service, and what its inbox is bound to: pairs of exchange and routing key."""

    service: str
    bindings: tuple[tuple[str, str], ...] = ()

    @property
    def queue(self) -> str:
        return f"{self.service}.inbox"

    @property
    def dead(self) -> str:
        return f"{self.service}.dead"

    def retry(self, number: int) -> str:
        """Where a message waits after its `number`-th failed attempt."""
        return f"{self.service}.retry.{number}"

    async def declare(self, channel: AbstractChannel) -> None:
        """The inbox and its bindings. A relay declares those of its subscribers too, before it publishes, so that
        nothing is lost whichever process starts first."""
        inbox = await channel.declare_queue(
            self.queue,
            durable=True,
            arguments={
                **_quorum_forwarding_to(self.dead),
                "x-delivery-limit": REDELIVERIES,
                # One replica works, the others stand by: two at once could not keep the order of an aggregate.
                "x-single-active-consumer": True,
            },
        )
        for exchange, key in self.bindings:
            await inbox.bind(await declare_exchange(channel, exchange), key)

    async def declare_retries(self, channel: AbstractChannel, count: int) -> None:
        """Where failed messages go: `count` waiting queues, and the dead queue."""
        for number in range(1, count + 1):
            arguments = _quorum_forwarding_to(self.queue)
            await channel.declare_queue(self.retry(number), durable=True, arguments=arguments)
        await channel.declare_queue(
            self.dead,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-message-ttl": DEAD_KEPT_SECONDS * 1000,
                # Looking at dead messages and putting them back must never use them up.
                "x-delivery-limit": 1_000_000,
            },
        )


async def declare_exchange(channel: AbstractChannel, name: str) -> Any:
    """A durable topic exchange."""
    return await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)


def outgoing(body: bytes, message_id: str, exchange: str, key: str) -> Message:
    """A message as the relay sends it. Its origin is in its headers, because the broker rewrites the delivery's
    own when the message comes back from a retry or the dead queue."""
    return Message(
        body,
        message_id=message_id,
        type=key,
        content_type="application/json",
        delivery_mode=DeliveryMode.PERSISTENT,
        headers={EXCHANGE_HEADER: exchange, KEY_HEADER: key},
    )


def copy_of(
    message: AbstractMessage, *, attempts: int = 0, reason: str | None = None, delay: float | None = None
) -> Message:
    """The same message for another queue, without what brokers added; `delay` in seconds."""
    exchange, key = origin(message)
    copy = outgoing(message.body, message.message_id or "", exchange, key)
    copy.headers[ATTEMPTS_HEADER] = attempts
    if reason is not None:
        copy.headers[REASON_HEADER] = reason
    copy.expiration = delay
    return copy


def origin(message: AbstractMessage) -> tuple[str, str]:
    """The exchange and routing key the message was first published with."""
    exchange = message.headers.get(EXCHANGE_HEADER) or getattr(message, "exchange", "")
    key = message.headers.get(KEY_HEADER) or getattr(message, "routing_key", "")
    return str(exchange), str(key)


def attempts_of(message: AbstractMessage) -> int:
    """How often handling this message has failed so far."""
    attempts = message.headers.get(ATTEMPTS_HEADER, 0)
    return attempts if isinstance(attempts, int) else 0


def _quorum_forwarding_to(queue: str) -> dict[str, Any]:
    """A replicated queue whose expired and refused messages reach `queue` for certain: the broker keeps them
    until that queue confirms, for which `reject-publish` is required."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
