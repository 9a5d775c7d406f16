"""What nobody listens to is kept, blocks nothing, and goes out in order once somebody does."""

from aio_pika.abc import AbstractChannel

from libs.common.messaging.outbox import UNROUTED_COLLECTION, OutboxWaker
from libs.common.messaging.relay import OutboxRelay
from libs.common.testing.waiting import eventually
from libs.common.tests.background.things import (
    Db,
    carrying,
    commit,
    listening,
    take_all,
    thing_event,
)


def relay_of(db: Db, amqp_url: str, **options: object) -> OutboxRelay:
    return OutboxRelay(db, ["things"], amqp_url, OutboxWaker(db.name), **options)  # type: ignore[arg-type]


async def test_messages_nobody_listens_to_are_kept_and_sent_in_order_once_somebody_does(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    lonely, wanted = thing_event(service, "lonely"), thing_event(service, "wanted")
    inbox = await listening(channel, service, wanted.routing_key())
    await carrying(db)
    early = await commit(db, "thg_1", lonely, 1, 2)
    passed = await commit(db, "thg_1", wanted, 3)
    relay = relay_of(db, amqp_url, unrouted_retry_seconds=0)
    assert await relay.drain() == 1
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == passed
    assert await db["things"].count_documents({"outbox_at": {"$exists": True}}) == 0
    await relay.close()

    await listening(channel, service, lonely.routing_key())
    relay = relay_of(db, amqp_url, unrouted_retry_seconds=60)  # another process: it knows from the database
    assert await relay.drain() == 2
    await relay.close()
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == early
    assert await db[UNROUTED_COLLECTION].count_documents({}) == 0


async def test_a_new_message_does_not_overtake_those_that_nobody_listened_to(
    db: Db, amqp_url: str, channel: AbstractChannel, service: str
) -> None:
    event = thing_event(service)
    await carrying(db)
    relay = relay_of(db, amqp_url, unrouted_retry_seconds=1)
    sent = await commit(db, "thg_1", event, 1)
    assert await relay.drain() == 0
    assert await relay.drain() == 0  # tried again
    inbox = await listening(channel, service, event.routing_key())
    sent += await commit(db, "thg_1", event, 2)
    published = await relay.drain()  # it is not time yet to try once more

    async def all_published() -> bool:
        nonlocal published
        published += await relay.drain()
        return published == 2

    await eventually(all_published)
    await relay.close()
    assert [message.message_id for message in await take_all(channel, inbox.queue)] == sent
