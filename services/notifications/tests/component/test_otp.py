"""Login codes: out at once, by SMS, and nowhere to be found afterwards."""

from services.notifications.tests.builders import Desk


async def test_the_code_goes_out_as_the_registered_sms(desk: Desk) -> None:
    await desk.code_is_requested(code="482913")
    await desk.sender.send_due_now()
    [sms] = await desk.arrived(channel="sms")
    assert sms["body"] == "482913 is your code for Clinic login. It is valid for 5 minutes. Do not share it."
    row = await desk.until_it_stands_at("DELIVERED")
    assert row["patient_id"] is None
    assert {event.clinic_id for event in await desk.service.announced()} == {None}  # it belongs to no clinic
    assert await desk.arrived(channel="whatsapp") == []


async def test_in_hindi_for_who_asks_in_hindi(desk: Desk) -> None:
    await desk.code_is_requested(code="482913", language="hi")
    await desk.sender.send_due_now()
    [sms] = await desk.arrived(channel="sms")
    assert "482913" in sms["body"]
    assert "आपका कोड" in sms["body"]


async def test_a_code_that_is_no_longer_good_is_not_sent(desk: Desk) -> None:
    challenge_id = await desk.code_is_requested()
    del desk.people.codes[challenge_id]
    await desk.sender.send_due_now()
    [row] = await desk.stored()
    assert (row["status"], row["error_code"]) == ("FAILED", "code_no_longer_good")
    assert await desk.arrived() == []


async def test_a_code_that_waited_too_long_is_not_even_asked_for(desk: Desk) -> None:
    await desk.code_is_requested()
    await desk.after(minutes=5)
    [row] = await desk.stored()
    assert (row["status"], row["error_code"]) == ("FAILED", "expired")


async def test_every_try_says_the_same_so_that_a_gateway_takes_it_for_a_repeat(desk: Desk) -> None:
    await desk.code_is_requested(code="482913")
    desk.service.clock.advance(seconds=80)
    await desk.fails("sms", "down", count=1)
    await desk.sender.send_due_now()
    await desk.after(seconds=5)
    [sms] = await desk.arrived(channel="sms")
    assert "It is valid for 5 minutes" in sms["body"]


async def test_by_whatsapp_when_the_sms_gateway_is_down(desk: Desk) -> None:
    await desk.fails("sms", "down")
    await desk.code_is_requested(code="482913")
    for _ in range(3):
        await desk.after(seconds=5)
    [message] = await desk.arrived()
    assert (message["channel"], message["template"]) == ("whatsapp", "login_code")
    assert message["body"].startswith("482913 is your code")
