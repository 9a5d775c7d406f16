"""Who does not want messages gets none, and says so in the app, at the desk, or by writing STOP."""

from libs.common.testing.waiting import eventually
from libs.contracts.roles import ADMIN
from services.notifications.tests.builders import Desk


async def _writes(desk: Desk, text: str, phone: str = "+919876543210") -> None:
    """A person answers on WhatsApp; returns when the service has heard of it."""
    answer = await desk.sandbox.post("/whatsapp/incoming", json={"from": phone, "text": text})
    assert answer.status_code == 201

    async def taken() -> bool:
        return desk.world.webhooks.tally.pending == 0

    await eventually(taken)


async def test_stop_ends_whatsapp_for_everybody_behind_that_number(desk: Desk) -> None:
    mother, child, neighbour = desk.patient(), desk.patient(name="Anu"), desk.patient("+919000000009")
    await _writes(desk, " Stop. ")
    announced = await desk.service.announced("RECIPIENT_OPTED_OUT")
    assert sorted(event.data["patient_id"] for event in announced) == sorted([mother, child])
    assert {event.data["channel"] for event in announced} == {"whatsapp"}
    await desk.books(mother)
    await desk.books(neighbour)
    await desk.sender.send_due_now()
    assert [message["channel"] for message in await desk.arrived()] == ["sms"]
    assert [message["channel"] for message in await desk.arrived("+919000000009")] == ["whatsapp"]


async def test_stop_twice_is_one_opt_out_and_start_ends_it(desk: Desk) -> None:
    patient = desk.patient()
    for word in ("STOP", "STOP", "start", "please stop calling me stop"):
        await _writes(desk, word)
    assert len(await desk.service.announced("RECIPIENT_OPTED_OUT")) == 1
    shown = await desk.call("GET", f"/preferences/{patient}")
    assert shown.body["opted_out"] == {}


async def test_who_opted_out_of_everything_gets_codes_only(desk: Desk) -> None:
    patient = desk.patient()
    body = {"opted_out": ["whatsapp", "sms", "email"]}
    answer = await desk.call("PUT", f"/preferences/{patient}", token=desk.account(), json=body)
    assert (answer.status, sorted(answer.body["opted_out"])) == (200, ["email", "sms", "whatsapp"])
    await desk.books(patient)
    await desk.code_is_requested()
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert "is your code" in message["body"]
    [told] = await desk.told(patient)
    assert (told["status"], told["history"][-1]["detail"]) == ("SUPPRESSED", "opted_out")


async def test_a_channel_whose_consent_is_withdrawn_is_passed_over(desk: Desk) -> None:
    patient = desk.patient(withdrawn_consents=["notifications_whatsapp", "research"])
    await desk.books(patient)
    await desk.sender.send_due_now()
    assert [message["channel"] for message in await desk.arrived()] == ["sms"]


async def test_who_withdrew_every_consent_gets_codes_only_and_the_desk_is_told(desk: Desk) -> None:
    channels = ("whatsapp", "sms", "email")
    patient = desk.patient(email="ravi@example.in", withdrawn_consents=[f"notifications_{name}" for name in channels])
    await desk.books(patient)
    await desk.code_is_requested()
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert "is your code" in message["body"]
    assert await desk.arrived("ravi@example.in") == []
    [event] = await desk.service.announced("NOTIFICATION_FAILED")
    assert (event.data["patient_id"], event.data["error_code"]) == (patient, "no_consent")


async def test_others_preferences_look_as_if_there_were_none(desk: Desk) -> None:
    patient = desk.patient()
    desk.patient("+919000000009")
    other = desk.account("+919000000009")
    strangers_clinic = desk.service.mint.staff(ADMIN, "cln_other")
    for token in (other, strangers_clinic):
        hidden = await desk.call("GET", f"/preferences/{patient}", token=token)
        missing = await desk.call("GET", "/preferences/pat_missing", token=token)
        assert (hidden.status, hidden.code) == (404, "patient_unknown")
        assert {**hidden.body, "request_id": ""} == {**missing.body, "request_id": ""}
        written = await desk.call("PUT", f"/preferences/{patient}", token=token, json={"opted_out": ["sms"]})
        assert written.status == 404


async def test_a_stop_meanwhile_is_not_undone_by_a_page_that_does_not_know_it(desk: Desk) -> None:
    path = f"/preferences/{desk.patient()}"
    seen = (await desk.call("GET", path, token=desk.account())).headers["etag"]
    first = await desk.call(
        "PUT", path, token=desk.account(), json={"opted_out": ["whatsapp"]}, headers={"If-Match": seen}
    )
    second = await desk.call("PUT", path, token=desk.account(), json={"promotional": True}, headers={"If-Match": seen})
    assert (first.status, second.status) == (200, 412)
