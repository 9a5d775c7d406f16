"""What auth says, against the examples of the contracts."""

from libs.common.testing.contracts import differing_from_examples
from libs.contracts.auth import EVENTS
from libs.contracts.snapshots import example
from services.auth.tests.builders import Clinic, a_phone


async def test_what_it_announces_looks_like_the_examples(clinic: Clinic) -> None:
    auth = clinic.auth
    assert (await auth.request_otp(a_phone(), language="hi")).status == 202
    person = await clinic.staff()
    tokens = await auth.tokens_of(person)
    for _ in range(2):
        await auth.refresh(tokens["refresh_token"])
        await auth.refresh(tokens["refresh_token"], client="somebody else")
    waiting = (await auth.login(person, device={"id": "lost", "name": "lost"})).body["device"]["id"]
    await auth.service.call("POST", f"/auth/devices/{waiting}/reject", token=clinic.token())
    announced = {event.type for event in await auth.service.announced()}
    assert announced >= {event.type for event in EVENTS}
    by_type = {f"{event.type}.v{event.version}": event for event in EVENTS}
    assert await differing_from_examples(auth.service, by_type, example) == []
