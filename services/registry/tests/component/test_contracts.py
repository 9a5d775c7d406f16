"""What the registry hears and says, against the examples of the contracts."""

from libs.common.testing.contracts import differing_from_examples, handle_examples
from libs.contracts.registry import EVENTS
from libs.contracts.snapshots import example
from services.registry.consumers.subscriptions import SUBSCRIPTIONS
from services.registry.tests.builders import Clinic


async def test_every_example_it_subscribes_to_is_handled(clinic: Clinic) -> None:
    await handle_examples(clinic.service, SUBSCRIPTIONS, example)


async def test_what_it_announces_looks_like_the_examples(clinic: Clinic) -> None:
    patient = await clinic.register()
    changed = await clinic.change(patient, other_phones=["+919812345678"])
    assert changed.status == 200, changed.body
    given = await clinic.consent(patient, token=clinic.staff())
    await clinic.call("POST", f"/consents/{given.body['id']}/withdraw", token=clinic.staff())
    assert {event.type for event in await clinic.service.announced()} >= {event.type for event in EVENTS}
    by_type = {f"{event.type}.v{event.version}": event for event in EVENTS}
    assert await differing_from_examples(clinic.service, by_type, example) == []
