"""Change when a clinic leaves people in peace."""

from datetime import time
from zoneinfo import available_timezones

from libs.common.command import Command
from libs.common.errors import FieldError, PreconditionFailed, Unprocessable
from services.notifications.domain.purposes import Category
from services.notifications.domain.quiet_hours import QuietHours, Weekday
from services.notifications.permissions import QUIET_HOURS_WRITE
from services.notifications.use_cases.ports import NotificationsTx


class SetQuietHours(Command):
    enabled: bool
    zone: str
    start: time
    end: time
    days: list[Weekday]
    bypass: list[Category]
    expected_revision: int | None = None


async def set_quiet_hours(command: SetQuietHours, tx: NotificationsTx) -> QuietHours:
    if command.zone not in available_timezones():
        raise Unprocessable(errors=[FieldError(pointer="/zone", detail="Not a time zone such as Asia/Kolkata")])
    if command.start == command.end:
        raise Unprocessable(errors=[FieldError(pointer="/end", detail="Quiet for the whole day lets nothing through")])
    quiet = await tx.quiet_hours.of(tx.clinic_id)
    if command.expected_revision is not None and quiet.revision != command.expected_revision:
        raise PreconditionFailed("Load it again, and send the new ETag in If-Match")
    for name in ("enabled", "zone", "start", "end", "days", "bypass"):
        setattr(quiet, name, getattr(command, name))
    tx.quiet_hours.keep(quiet)
    tx.audit(QUIET_HOURS_WRITE, quiet)
    return quiet
