"""Change a clinic's rules for booking."""

from zoneinfo import available_timezones

from libs.common.command import Command
from libs.common.errors import FieldError, PreconditionFailed, Unprocessable
from services.scheduling.domain.booking_policy import BookingPolicy, ConfirmationMode
from services.scheduling.permissions import POLICY_WRITE
from services.scheduling.use_cases.ports import SchedulingTx

_CAN_BE_OFF = {"check_in_opens_minutes", "deposit_after_no_shows"}


class SetBookingPolicy(Command):
    """Only what is given changes; null switches a rule off that can be off. See `BookingPolicy` for the meanings."""

    zone: str | None = None
    confirmation: ConfirmationMode | None = None
    hold_minutes: int | None = None
    minimum_notice_minutes: int | None = None
    horizon_days: int | None = None
    cancel_cutoff_minutes: int | None = None
    no_show_grace_minutes: int | None = None
    check_in_opens_minutes: int | None = None
    overbook_quota_per_day: int | None = None
    waitlist_offer_minutes: int | None = None
    deposit_after_no_shows: int | None = None
    expected_revision: int | None = None


async def set_booking_policy(command: SetBookingPolicy, tx: SchedulingTx) -> BookingPolicy:
    if command.zone is not None and command.zone not in available_timezones():
        raise Unprocessable(errors=[FieldError(pointer="/zone", detail="Not a time zone such as Asia/Kolkata")])
    current = await tx.policies.to_change(tx.clinic_id)
    if command.expected_revision is not None and current.revision != command.expected_revision:
        raise PreconditionFailed("Load it again, and send the new ETag in If-Match")
    asked = command.model_dump(exclude={"expected_revision"}, exclude_unset=True)
    given = {rule: value for rule, value in asked.items() if value is not None or rule in _CAN_BE_OFF}
    policy = BookingPolicy.model_validate({**current.model_dump(), **given})
    if current.revision == 0:
        tx.policies.add(policy)
    else:
        tx.policies.save(policy)
    tx.audit(POLICY_WRITE, policy)
    return policy
