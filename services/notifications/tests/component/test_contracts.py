"""What this service hears and says, against the examples of the contracts."""

from libs.common.testing.contracts import differing_from_examples, handle_examples
from libs.contracts.catalog import EVENTS
from libs.contracts.snapshots import example
from services.notifications.consumers.subscriptions import SUBSCRIPTIONS
from services.notifications.tests.builders import Desk


async def test_every_example_it_subscribes_to_is_handled(desk: Desk) -> None:
    await handle_examples(desk.service, SUBSCRIPTIONS, example)


async def test_what_it_announces_looks_like_the_examples(desk: Desk) -> None:
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    await desk.until_it_stands_at("READ")
    by_type = {f"{event.type}.v{event.version}": event for event in EVENTS}
    assert await differing_from_examples(desk.service, by_type, example) == []
    assert len(await desk.service.announced("NOTIFICATION_READ")) == 1
