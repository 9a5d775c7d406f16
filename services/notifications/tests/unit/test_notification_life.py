"""The moves of a notification, without storage or vendors."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.notifications.domain.errors import NotRepeatable
from services.notifications.domain.history import Status
from services.notifications.domain.notification import ASKED_AGAIN_AFTER, LEASE, Notification
from services.notifications.domain.outcome import Answer, Outcome, Receipt, Result
from services.notifications.domain.purposes import Channel, Purpose

NOW = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
SOON = timedelta(seconds=2)
ACCEPTED = Outcome(result=Result.ACCEPTED, message_id="m1")


def queued(purpose: Purpose = Purpose.APPOINTMENT_CONFIRMED) -> Notification:
    return Notification.queue(
        purpose, clinic_id="cln_1", about="apt_1", patient_id="pat_1", now=NOW, expires_at=NOW + timedelta(hours=1)
    )


def sending(purpose: Purpose = Purpose.APPOINTMENT_CONFIRMED) -> Notification:
    notification = queued(purpose)
    notification.begin(NOW)
    return notification


def sent() -> Notification:
    notification = sending()
    notification.conclude(1, ACCEPTED, NOW, wait=SOON)
    return notification


def test_a_waiting_one_is_in_a_lane_and_one_that_is_through_is_in_none() -> None:
    assert (queued().lane, queued(Purpose.OTP).lane) == ("whatsapp", "sms:urgent")
    assert sending().due_at == NOW + LEASE
    assert (sent().lane, sent().due_at) == (None, None)


@pytest.mark.parametrize("order", list(permutations([Receipt.SENT, Receipt.DELIVERED, Receipt.READ])))
def test_reports_in_any_order_end_at_the_farthest(order: tuple[Receipt, ...]) -> None:
    notification = sending()
    for receipt in (*order, *order):
        notification.reported(receipt, Channel.WHATSAPP, NOW, message_id="m1")
    notification.conclude(1, ACCEPTED, NOW, wait=SOON)
    assert notification.status is Status.READ
    assert len({step.status for step in notification.history}) == len(notification.history)


def test_a_failure_reported_after_delivery_changes_nothing() -> None:
    notification = sent()
    notification.reported(Receipt.DELIVERED, Channel.WHATSAPP, NOW, message_id="m1")
    notification.reported(Receipt.FAILED, Channel.WHATSAPP, NOW, message_id="m1")
    assert notification.status is Status.DELIVERED


def test_a_failure_of_the_channel_before_is_old_news() -> None:
    notification = sent()
    notification.reported(Receipt.FAILED, Channel.WHATSAPP, NOW, message_id="m1", code="whatsapp_131026")
    assert (notification.status, notification.channel) == (Status.QUEUED, Channel.SMS)
    notification.begin(NOW)
    notification.reported(Receipt.FAILED, Channel.WHATSAPP, NOW, message_id="m1")
    assert (notification.status, notification.channel) == (Status.SENDING, Channel.SMS)


def test_a_delivery_on_the_channel_before_spares_the_next() -> None:
    notification = sent()
    notification.reported(Receipt.FAILED, Channel.WHATSAPP, NOW, message_id="m1")
    notification.reported(Receipt.SENT, Channel.WHATSAPP, NOW, message_id="m1")
    assert notification.is_waiting
    notification.reported(Receipt.DELIVERED, Channel.WHATSAPP, NOW, message_id="m1")
    assert (notification.status, notification.due_at) == (Status.DELIVERED, None)


def test_a_report_on_a_channel_never_used_is_passed_over() -> None:
    notification = queued()
    notification.reported(Receipt.READ, Channel.SMS, NOW, message_id="m9")
    assert notification.status is Status.QUEUED


def test_an_outcome_that_comes_after_the_lease_still_counts() -> None:
    notification = sending()
    notification.lapse(NOW + LEASE)
    notification.conclude(1, ACCEPTED, NOW + LEASE, wait=SOON)
    assert [step.status for step in notification.history[-2:]] == [Status.UNKNOWN, Status.SENT]


def test_an_outcome_of_an_earlier_attempt_does_not_end_the_current_one() -> None:
    notification = sending()
    notification.conclude(1, Outcome(result=Result.FAILED), NOW, wait=SOON)
    notification.begin(NOW)
    notification.conclude(1, Outcome(result=Result.REFUSED), NOW, wait=SOON)
    assert (notification.status, notification.channel) == (Status.SENDING, Channel.WHATSAPP)


def test_a_gateway_that_never_says_is_asked_so_often_and_then_left_to_people() -> None:
    notification = sending(Purpose.OTP)
    notification.conclude(1, Outcome(result=Result.UNANSWERED), NOW, wait=SOON)
    asked = 0
    while notification.due_at is not None and notification.ask_again(notification.due_at):
        asked += 1
    assert asked == len(ASKED_AGAIN_AFTER)
    assert (notification.status, notification.due_at) == (Status.UNKNOWN, None)


def test_what_the_gateway_never_took_is_sent_again_but_not_for_ever() -> None:
    notification = queued(Purpose.OTP)
    for _ in range(3):
        notification.begin(NOW)
        notification.conclude(len(notification.attempts), Outcome(result=Result.UNANSWERED), NOW, wait=SOON)
        notification.answered(Answer(receipt=None), NOW)
    assert (notification.status, notification.channel) == (Status.QUEUED, Channel.WHATSAPP)


def test_repeating_makes_it_another_message_for_the_vendor() -> None:
    notification = sending()
    with pytest.raises(NotRepeatable):
        notification.send_again(NOW)
    notification.fail("no_address", NOW)
    notification.send_again(NOW + timedelta(minutes=5))
    assert notification.ref == f"{notification.id}.2"


def test_what_is_no_news_any_more_is_not_repeated() -> None:
    notification = sending()
    notification.fail("no_address", NOW)
    with pytest.raises(NotRepeatable, match="no news"):
        notification.send_again(notification.expires_at)


def test_what_is_over_by_the_end_of_the_quiet_hours_is_not_deferred() -> None:
    notification = queued()
    notification.defer(notification.expires_at, NOW)
    assert (notification.status, notification.error_code, notification.due_at) == (Status.FAILED, "expired", None)


def test_with_all_vendors_away_it_comes_back_to_the_first() -> None:
    notification = queued()
    down = Outcome(result=Result.VENDOR_DOWN, code="vendor_down")
    no_address = Outcome(result=Result.REFUSED, code="no_address")
    for outcome in (down, down, no_address, down, down, down):
        notification.begin(NOW)
        notification.conclude(len(notification.attempts), outcome, NOW, wait=SOON)
    assert (notification.status, notification.plan) == (Status.QUEUED, [Channel.WHATSAPP, Channel.SMS])
    assert (notification.channel, notification.due_at) == (Channel.SMS, NOW)
    assert len(notification.attempts) == 1
    notification.begin(NOW)
    notification.conclude(2, down, NOW, wait=SOON)
    assert (notification.channel, notification.due_at) == (Channel.WHATSAPP, NOW + SOON)


def test_held_up_counts_in_a_row() -> None:
    notification, held_up = queued(), Outcome(result=Result.NOT_READY)
    counted = []
    for outcome in (held_up, held_up, Outcome(result=Result.FAILED), held_up):
        notification.begin(NOW)
        notification.conclude(len(notification.attempts), outcome, NOW, wait=SOON)
        counted.append(notification.held_up)
    assert counted == [1, 2, 0, 1]


def test_a_vendor_that_names_a_time_after_the_expiry_hands_over() -> None:
    notification = sending()
    notification.conclude(1, Outcome(result=Result.FAILED), NOW, wait=timedelta(hours=1))
    assert (notification.status, notification.channel) == (Status.QUEUED, Channel.SMS)
