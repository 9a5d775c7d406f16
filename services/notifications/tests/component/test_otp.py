"""Login codes: out at once, by SMS, and nowhere to be found afterwards."""

from unittest.mock import patch

from services.notifications.tests.builders import Desk
from services.notifications.use_cases.ports import Code


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


async def test_a_code_that_is_over_when_it_is_written_down_is_not_sent(desk: Desk) -> None:
    await desk.code_is_requested()
    known = desk.people.code

    async def slowly(challenge_id: str) -> Code | None:
        desk.service.clock.advance(minutes=5)
        return await known(challenge_id)

    with patch.object(desk.people, "code", slowly):
        await desk.sender.send_due_now()
    [row] = await desk.stored()
    assert (row["status"], row["error_code"]) == ("FAILED", "expired")
    assert await desk.arrived() == []


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
    assert message["body"] == "482913 is your verification code. For your security, do not share this code."


async def test_who_asks_again_while_the_first_code_is_in_doubt_gets_the_new_one_at_once(desk: Desk) -> None:
    desk.loses_reports()
    await desk.fails("sms", "hang")
    first = await desk.code_is_requested(code="111111")
    await desk.sender.send_due_now()
    await desk.after(seconds=1)  # the gateway does not answer the question either
    assert [row["status"] for row in await desk.stored()] == ["UNKNOWN"]
    await desk.fails("sms", "none")
    desk.service.clock.advance(seconds=1)
    await desk.code_is_requested(code="222222")
    del desk.people.codes[first]  # auth tells no code that a newer one has overtaken
    await desk.sender.send_due_now()
    [sms] = await desk.arrived(channel="sms")
    assert sms["body"].startswith("222222 is your code")
    await desk.after(minutes=2)  # now it says that it never took the first
    assert [(row["status"], row["error_code"]) for row in await desk.stored()] == [
        ("FAILED", "code_no_longer_good"),
        ("SENT", None),
    ]
    assert len(await desk.arrived()) == 1


async def test_a_code_in_doubt_that_went_out_is_not_sent_again(desk: Desk) -> None:
    desk.loses_reports()
    await desk.fails("sms", "lost", count=1)
    await desk.code_is_requested()
    await desk.sender.send_due_now()
    await desk.fails("sms", "hang")  # nor does it answer questions
    for _ in range(5):
        await desk.after(minutes=90)
    [row] = await desk.stored()
    assert (row["status"], row["due_at"], row["history"][-1]["detail"]) == ("UNKNOWN", None, "left_to_people")
    assert len(await desk.arrived()) == 1
