"""A sender that dies in the middle, and several that want the same message."""

import asyncio

from services.notifications.domain.notification import LEASE
from services.notifications.tests.builders import Desk
from services.notifications.use_cases.claim_message import Claim
from services.notifications.use_cases.ports import Due


async def _claimed_by_one_who_dies(desk: Desk, *, after_the_call: bool) -> None:
    """A sender commits its claim, perhaps calls the vendor, and records nothing."""
    dispatcher = desk.runtime.sender()._dispatcher
    [row] = await desk.stored()
    due = Due(id=row["_id"], clinic_id=row["clinic_id"], lane=row["lane"])
    claim = await dispatcher.claim(due)
    assert isinstance(claim, Claim)
    if after_the_call:
        letter = await dispatcher._writer.write(claim.notification)
        await dispatcher._providers[claim.notification.channel].send(letter)  # type: ignore[arg-type]


async def test_a_crash_after_the_call_leaves_a_doubt_and_no_second_message(desk: Desk) -> None:
    desk.loses_reports()
    await desk.books(desk.patient())
    await _claimed_by_one_who_dies(desk, after_the_call=True)
    await desk.sender.send_due_now()
    assert [row["status"] for row in await desk.stored()] == ["SENDING"]
    await desk.after(seconds=LEASE.total_seconds())
    [row] = await desk.stored()
    assert (row["status"], row["history"][-1]["detail"]) == ("UNKNOWN", "sender_lost")
    await desk.after(minutes=10)
    assert len(await desk.arrived()) == 1


async def test_a_crash_before_the_call_of_an_sms_is_found_out_and_made_up_for(desk: Desk) -> None:
    await desk.code_is_requested()
    await _claimed_by_one_who_dies(desk, after_the_call=False)
    await desk.after(seconds=LEASE.total_seconds())
    await desk.after(seconds=1)
    assert len(await desk.arrived(channel="sms")) == 1


async def test_a_crash_after_the_call_of_an_sms_is_found_out(desk: Desk) -> None:
    desk.loses_reports()
    await desk.code_is_requested()
    await _claimed_by_one_who_dies(desk, after_the_call=True)
    await desk.after(seconds=LEASE.total_seconds())
    await desk.after(seconds=1)
    [row] = await desk.stored()
    assert row["status"] in ("SENT", "DELIVERED")  # how far the gateway had come when it was asked
    assert len(await desk.arrived(channel="sms")) == 1


async def test_three_senders_send_each_message_once(desk: Desk) -> None:
    phones = [f"+9198765430{number:02}" for number in range(12)]
    for phone in phones:
        await desk.books(desk.patient(phone))
    await asyncio.gather(*(desk.runtime.sender().send_due_now() for _ in range(3)))
    assert [len(await desk.arrived(phone)) for phone in phones] == [1] * 12
    assert [len(row["attempts"]) for row in await desk.stored()] == [1] * 12


async def test_old_news_is_not_told_after_new(desk: Desk) -> None:
    patient = desk.patient()
    booked = await desk.books(patient)
    [row] = await desk.stored()
    dispatcher = desk.sender._dispatcher
    claim = await dispatcher.claim(Due(id=row["_id"], clinic_id=row["clinic_id"], lane=row["lane"]))
    assert claim is not None
    await desk.cancels(patient, booked)
    await desk.fails("whatsapp", "down", count=1)
    await dispatcher.carry_out(claim)
    await desk.after(seconds=5)
    assert [message["template"] for message in await desk.arrived()] == ["appointment_cancelled"]
    assert (await desk.stored())[0]["status"] == "SUPPRESSED"


async def test_old_news_that_failed_is_not_sent_again_after_new(desk: Desk) -> None:
    patient = desk.patient()
    for vendor in ("whatsapp", "sms"):
        await desk.fails(vendor, "reject")
    booked = await desk.books(patient)
    await desk.sender.send_due_now()
    await desk.cancels(patient, booked)
    failed = (await desk.stored())[0]["_id"]
    assert (await desk.call("POST", f"/notifications/{failed}/retry")).status == 409


async def test_a_full_lane_hides_no_other(desk: Desk) -> None:
    for number in range(60):
        await desk.books(desk.patient(f"+9198765431{number:02}"))
    desk.service.clock.advance(seconds=1)
    await desk.code_is_requested()
    await desk.sender._start_due()
    [code] = [row for row in await desk.stored() if row["purpose"] == "otp"]
    assert code["status"] != "QUEUED"
    await desk.sender.send_due_now()
