"""Vendors that are down, refuse, hang or lose answers: the message goes another way, and never twice."""

import asyncio
from unittest.mock import AsyncMock, patch

from libs.common.errors import Unavailable
from libs.common.testing.waiting import eventually
from services.notifications.domain.outcome import Outcome, Result
from services.notifications.domain.purposes import Channel
from services.notifications.jobs.dispatch import LONGEST_WAIT
from services.notifications.tests.builders import Desk


async def test_three_tries_on_whatsapp_then_sms(desk: Desk) -> None:
    patient = desk.patient()
    await desk.fails("whatsapp", "down")
    await desk.books(patient)
    for _ in range(3):
        await desk.after(seconds=5)
    [sms] = await desk.arrived()
    assert sms["channel"] == "sms"
    row = await desk.until_it_stands_at("DELIVERED")
    assert [attempt["channel"] for attempt in row["attempts"]] == ["whatsapp"] * 3 + ["sms"]
    assert {attempt["error_code"] for attempt in row["attempts"][:3]} == {"whatsapp_2"}


async def test_tries_come_later_and_later(desk: Desk) -> None:
    await desk.fails("whatsapp", "down")
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    [row] = await desk.stored()
    first = (row["due_at"] - desk.now).total_seconds()
    await desk.after(seconds=1)
    [row] = await desk.stored()
    second = (row["due_at"] - desk.now).total_seconds()
    assert 0.5 <= first <= 1.0
    assert 2.0 <= second <= 4.0


async def test_what_whatsapp_refuses_goes_by_sms_at_once(desk: Desk) -> None:
    await desk.fails("whatsapp", "reject")
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    assert [message["channel"] for message in await desk.arrived()] == ["sms"]


async def test_a_phone_without_whatsapp_gets_the_sms_when_whatsapp_says_so(desk: Desk) -> None:
    await desk.sandbox.put("/phones/+919876543210", json={"whatsapp": False})
    await desk.books(desk.patient())

    async def sms_arrived() -> bool:
        await desk.sender.send_due_now()
        return bool(await desk.arrived(channel="sms"))

    await eventually(sms_arrived)
    row = await desk.until_it_stands_at("DELIVERED")
    assert [attempt["channel"] for attempt in row["attempts"]] == ["whatsapp", "sms"]


async def test_an_open_breaker_sends_the_others_by_sms_without_trying_whatsapp(desk: Desk) -> None:
    await desk.fails("whatsapp", "down")
    for number in range(5):
        await desk.books(desk.patient(f"+91987654300{number}"))
    await desk.sender.send_due_now()
    before = [await desk.arrived(f"+91987654300{number}") for number in range(5)]
    assert before == [[]] * 5
    await desk.books(desk.patient("+919876543299"))
    await desk.sender.send_due_now()
    [sms] = await desk.arrived("+919876543299")
    assert sms["channel"] == "sms"
    row = (await desk.stored())[-1]
    assert [attempt["channel"] for attempt in row["attempts"]] == ["sms"]
    assert "vendor_down" in [step["detail"] for step in row["history"]]


async def test_mail_when_neither_whatsapp_nor_sms_takes_it(desk: Desk) -> None:
    await desk.fails("whatsapp", "reject")
    await desk.fails("sms", "reject")
    await desk.books(desk.patient(email="ravi@example.in"))
    await desk.sender.send_due_now()
    [mail] = await desk.arrived("ravi@example.in")
    assert (mail["channel"], mail["subject"]) == ("email", "Your appointment is confirmed")
    [row] = await desk.stored()
    assert (row["status"], row["recipient_hint"]) == ("SENT", "r***@example.in")


async def test_when_nothing_takes_it_the_front_desk_hears_and_can_send_it_again(desk: Desk) -> None:
    patient = desk.patient()
    for vendor in ("whatsapp", "sms"):
        await desk.fails(vendor, "reject")
    await desk.books(patient)
    await desk.sender.send_due_now()
    [event] = await desk.service.announced("NOTIFICATION_FAILED")
    assert event.data["error_code"] == "no_address"  # of the mail, which came last
    [told] = await desk.told(patient)
    assert told["status"] == "FAILED"
    for vendor in ("whatsapp", "sms"):
        await desk.fails(vendor, "none")
    again = await desk.call("POST", f"/notifications/{told['id']}/retry")
    assert (again.status, again.body["status"]) == (200, "QUEUED")
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert message["channel"] == "whatsapp"
    repeated = await desk.call("POST", f"/notifications/{told['id']}/retry")
    assert (repeated.status, repeated.code) == (409, "not_repeatable")


async def test_a_hanging_vendor_delays_nobody_elses_messages(desk: Desk) -> None:
    patient_vendor = desk.runtime.settings.model_copy(update={"vendor_timeout_seconds": 15.0})
    await desk.fails("whatsapp", "hang")
    for number in range(12):  # more than its lane is wide
        await desk.books(desk.patient(f"+9198765430{number:02}"))
    with patch.object(desk.runtime, "settings", patient_vendor):
        working = asyncio.create_task(desk.runtime.sender().run(asyncio.Event()))

    async def lane_is_full() -> bool:
        hanging = [row for row in await desk.stored() if (row["lane"], row["status"]) == ("whatsapp", "SENDING")]
        return len(hanging) == patient_vendor.sends_at_once

    await eventually(lane_is_full)
    await desk.code_is_requested("+919000000001")
    desk.runtime.sends.wake()

    async def code_is_there() -> bool:
        return bool(await desk.arrived("+919000000001"))

    await eventually(code_is_there)
    assert await lane_is_full()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_message_whatsapp_may_have_taken_is_not_sent_again(desk: Desk) -> None:
    patient = desk.patient()
    desk.loses_reports()
    await desk.fails("whatsapp", "lost", count=1)
    await desk.books(patient)
    await desk.sender.send_due_now()
    [row] = await desk.stored()
    assert (row["status"], row["history"][-1]["detail"]) == ("UNKNOWN", "no_answer")
    await desk.after(minutes=10)
    assert len(await desk.arrived()) == 1
    [told] = await desk.told(patient)
    assert told["history"][-1]["detail"] == "left_to_people"
    assert [event.data["patient_id"] for event in await desk.service.announced("NOTIFICATION_UNKNOWN")] == [patient]


async def test_whatsapps_report_ends_the_doubt(desk: Desk) -> None:
    await desk.fails("whatsapp", "lost", count=1)
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    row = await desk.until_it_stands_at("READ")
    assert row["attempts"][0]["provider_message_id"].startswith("wamid.")
    assert len(await desk.arrived()) == 1


async def test_an_sms_that_was_taken_without_an_answer_is_asked_about(desk: Desk) -> None:
    desk.loses_reports()
    await desk.fails("sms", "lost", count=1)
    await desk.code_is_requested()
    await desk.sender.send_due_now()
    assert [row["status"] for row in await desk.stored()] == ["UNKNOWN"]
    await desk.after(seconds=1)
    assert [row["status"] for row in await desk.stored()] == ["DELIVERED"]
    assert len(await desk.arrived()) == 1


async def test_an_sms_that_was_never_taken_goes_out_when_the_gateway_says_so(desk: Desk) -> None:
    await desk.fails("sms", "hang", count=1)
    await desk.code_is_requested()
    await desk.sender.send_due_now()
    assert [row["status"] for row in await desk.stored()] == ["UNKNOWN"]
    assert await desk.arrived() == []
    await desk.after(seconds=1)
    assert len(await desk.arrived()) == 1


async def test_whatsapp_saying_that_it_failed_is_worth_another_try(desk: Desk) -> None:
    await desk.fails("whatsapp", "flaky")
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    await desk.after(seconds=1)
    assert [message["channel"] for message in await desk.arrived()] == ["whatsapp"]


async def test_what_cannot_be_written_yet_waits_longer_and_longer_without_using_up_tries(desk: Desk) -> None:
    patient = desk.patient()
    await desk.books(patient)
    desk.people.away = Unavailable()
    for longest in (2, 4, 8, 16, 30, 30, 30):
        await desk.sender.send_due_now()
        [row] = await desk.stored()
        wait = (row["due_at"] - desk.now).total_seconds()
        assert longest / 2 <= wait <= longest
        desk.service.clock.advance(seconds=wait)
    assert (row["status"], row["tries"], row["attempts"], len(row["history"])) == ("QUEUED", 0, [], 2)
    desk.people.away = None
    await desk.sender.send_due_now()
    assert len(await desk.arrived()) == 1


async def test_a_vendor_that_names_a_time_is_heeded_up_to_a_bound(desk: Desk) -> None:
    busy = Outcome(result=Result.FAILED, code="whatsapp_131056")
    for named, waited in ((17.0, 17.0), (7 * 24 * 3600.0, LONGEST_WAIT)):
        await desk.runtime.db["notifications_outbox"].delete_many({})
        await desk.books(desk.patient())
        vendor = desk.sender._dispatcher._providers[Channel.WHATSAPP]
        with patch.object(vendor, "send", AsyncMock(return_value=busy.model_copy(update={"retry_after": named}))):
            await desk.sender.send_due_now()
        [row] = await desk.stored()
        assert (row["due_at"] - desk.now).total_seconds() == waited
