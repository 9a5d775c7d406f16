"""Asking auth and the registry over their internal APIs, as their contracts describe them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.errors import Unavailable
from libs.common.resilience.http_client import OutboundClient
from services.notifications.adapters.people import PeopleOfThePlatform
from services.notifications.use_cases.ports import ClinicCard, Recipient

_ANSWERS = {
    "/internal/patients/pat_1/contact": {
        "patient_id": "pat_1",
        "clinic_id": "cln_1",
        "phone": "+919876543210",
        "email": None,
        "name": "Ravi",
        "language": "hi",
        "withdrawn_consents": ["notifications_sms"],
    },
    "/internal/clinics/cln_1": {"id": "cln_1", "name": "Asha Clinic", "zone": "Asia/Kolkata"},
    "/internal/staff/usr_1": {
        "id": "usr_1",
        "clinic_id": "cln_1",
        "role": "doctor",
        "display_name": "Dr. Meera Rao",
        "active": True,
    },
    "/internal/otp-challenges/otp_1/delivery": {
        "challenge_id": "otp_1",
        "phone": "+919876543210",
        "code": "123456",
        "language": "en",
        "expires_at": "2026-11-25T03:35:00Z",
    },
}


class _Internal:
    """Both internal APIs at once; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.away:
            return httpx.Response(503)
        known = _ANSWERS.get(request.url.path)
        return httpx.Response(404, json={"code": "not_found"}) if known is None else httpx.Response(200, json=known)


@pytest.fixture
def internal() -> _Internal:
    return _Internal()


@pytest.fixture
async def people(internal: _Internal) -> AsyncIterator[PeopleOfThePlatform]:
    client = OutboundClient("internal", attempts=1)
    client._http = httpx.AsyncClient(base_url="http://internal.test", transport=httpx.MockTransport(internal))
    yield PeopleOfThePlatform(client, client)
    await client.close()


async def test_what_may_change_is_asked_for_each_time(people: PeopleOfThePlatform, internal: _Internal) -> None:
    ravi = Recipient(
        phone="+919876543210", name="Ravi", language="hi", withdrawn_consents=frozenset({"notifications_sms"})
    )
    for _ in range(2):
        assert await people.patient("pat_1") == ravi
        code = await people.code("otp_1")
        assert code is not None
        assert code.code == "123456"
    assert len(internal.asked) == 4


async def test_names_are_kept_for_a_while(people: PeopleOfThePlatform, internal: _Internal) -> None:
    for _ in range(3):
        assert await people.clinic("cln_1") == ClinicCard(name="Asha Clinic", zone="Asia/Kolkata")
        assert await people.staff_name("usr_1") == "Dr. Meera Rao"
    assert len(internal.asked) == 2


async def test_what_is_not_there_is_none_and_an_outage_is_not(people: PeopleOfThePlatform, internal: _Internal) -> None:
    assert await people.patient("pat_2") is None
    assert await people.code("otp_2") is None
    assert await people.clinic("cln_2") is None
    assert await people.staff_name("usr_2") is None
    internal.away = True
    with pytest.raises(Unavailable):
        await people.patient("pat_1")
