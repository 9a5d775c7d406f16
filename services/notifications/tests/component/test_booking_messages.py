"""What patients are told about their appointments."""

from libs.common.ids import new_id
from services.notifications.consumers.subscriptions import SUBSCRIPTIONS
from services.notifications.tests.builders import Desk

GOOD_WAY = ("QUEUED", "SENDING", "SENT", "DELIVERED", "READ")


async def test_a_confirmation_arrives_on_whatsapp_and_is_followed_until_it_is_read(desk: Desk) -> None:
    patient = desk.patient()
    await desk.books(patient)
    await desk.sender.send_due_now()
    await desk.until_it_stands_at("READ")
    [message] = await desk.arrived()
    assert (message["channel"], message["template"]) == ("whatsapp", "appointment_confirmed")
    assert message["body"].startswith(
        "Dear Ravi Kumar, your appointment with Dr. Meera Rao at Asha Clinic is confirmed for Thu 26 Nov, 10:15 am."
    )
    [told] = await desk.told(patient)
    assert (told["status"], told["purpose"], told["channel"]) == ("READ", "appointment_confirmed", "whatsapp")
    assert told["recipient"] == "+91******3210"
    steps = [step["status"] for step in told["history"]]
    assert steps == [status for status in GOOD_WAY if status in steps]  # reports may overtake each other
    announced = await desk.service.announced("NOTIFICATION_SENT", "NOTIFICATION_DELIVERED", "NOTIFICATION_READ")
    assert [event.type for event in announced] == [f"NOTIFICATION_{status}" for status in steps[2:]]
    assert {event.data["patient_id"] for event in announced} == {patient}


async def test_in_the_patients_language(desk: Desk) -> None:
    await desk.books(desk.patient(language="hi"))
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert "अपॉइंटमेंट गुरु 26 नव, 10:15 am के लिए पक्का" in message["body"]


async def test_in_english_where_there_is_no_text_in_their_language(desk: Desk) -> None:
    await desk.books(desk.patient(language="ta"))
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert "is confirmed for Thu 26 Nov, 10:15 am" in message["body"]


async def test_a_move_tells_both_times(desk: Desk) -> None:
    patient = desk.patient()
    appointment = await desk.books(patient)
    await desk.sender.send_due_now()
    await desk.moves(patient, appointment)
    await desk.sender.send_due_now()
    newest = (await desk.arrived())[0]
    assert "has moved from Thu 26 Nov, 10:15 am to Thu 26 Nov, 12:15 pm" in newest["body"]


async def test_what_is_overtaken_before_it_went_out_is_not_told(desk: Desk) -> None:
    patient = desk.patient()
    appointment = await desk.books(patient)
    await desk.cancels(patient, appointment)
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert message["template"] == "appointment_cancelled"
    assert [row["status"] for row in await desk.told(patient)][1] == "SUPPRESSED"


async def test_old_news_that_comes_late_is_not_told_after_the_newer(desk: Desk) -> None:
    patient, appointment = desk.patient(), new_id("apt")
    await desk.cancels(patient, appointment, seq=2)
    await desk.books(patient, appointment, seq=1)
    await desk.sender.send_due_now()
    assert [message["template"] for message in await desk.arrived()] == ["appointment_cancelled"]


async def test_an_event_that_comes_twice_is_one_message(desk: Desk) -> None:
    envelope = desk.envelope(desk.offer(desk.patient()))
    await desk.service.deliver(SUBSCRIPTIONS, envelope, envelope)
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert message["body"].endswith("The slot is yours if you accept it by Wed 25 Nov, 9:15 am.")


async def test_a_name_brings_no_link_and_breaks_no_rule_of_the_operators(desk: Desk) -> None:
    await desk.fails("whatsapp", "reject")
    await desk.books(desk.patient(name="Click https://evil.example/x now " + "very " * 10 + "long"))
    await desk.sender.send_due_now()
    [message] = await desk.arrived()
    assert message["channel"] == "sms"
    assert message["body"].startswith("Dear Click now very very very very, your appointment")


async def test_a_patient_who_is_gone_gets_nothing_and_the_desk_hears_of_it(desk: Desk) -> None:
    patient = desk.patient()
    await desk.books(patient)
    del desk.people.patients[patient]
    await desk.sender.send_due_now()
    [event] = await desk.service.announced("NOTIFICATION_FAILED")
    assert event.data["error_code"] == "recipient_unknown"
