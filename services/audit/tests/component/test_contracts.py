"""What this service hears and says, against the examples of the contracts."""

from libs.common.testing.contracts import differing_from_examples, handle_examples
from libs.common.testing.service_under_test import ServiceUnderTest
from libs.contracts.catalog import EVENTS
from libs.contracts.snapshots import example
from services.audit.consumers.subscriptions import SUBSCRIPTIONS


async def test_every_example_it_subscribes_to_is_handled(service: ServiceUnderTest) -> None:
    await handle_examples(service, SUBSCRIPTIONS, example)


async def test_what_it_announces_looks_like_the_examples(service: ServiceUnderTest) -> None:
    by_type = {f"{event.type}.v{event.version}": event for event in EVENTS}
    assert await differing_from_examples(service, by_type, example) == []
