"""A clinic's rules for booking, with defaults that suit a small practice."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from libs.common.aggregate import Aggregate


class ConfirmationMode(StrEnum):
    """What a request becomes when nobody asks for anything else."""

    CONFIRMED = "CONFIRMED"
    HELD = "HELD"


class BookingPolicy(Aggregate):
    """One per clinic; its id is the clinic's. Durations are in minutes unless the name says otherwise."""

    zone: str = "Asia/Kolkata"
    confirmation: ConfirmationMode = ConfirmationMode.CONFIRMED
    hold_minutes: int = Field(10, ge=1, le=24 * 60)
    minimum_notice_minutes: int = Field(0, ge=0, le=14 * 24 * 60)
    horizon_days: int = Field(90, ge=1, le=730)
    cancel_cutoff_minutes: int = Field(60, ge=0, le=14 * 24 * 60)
    no_show_grace_minutes: int = Field(15, ge=0, le=240)
    check_in_opens_minutes: int | None = Field(None, ge=0, description="None: as early as people come")
    overbook_quota_per_day: int = Field(2, ge=0, le=50)
    waitlist_offer_minutes: int = Field(15, ge=1, le=24 * 60)
    deposit_after_no_shows: int | None = Field(None, ge=1, description="From then on bookings are only held")

    def bookable(self, now: datetime, *, staff: bool) -> tuple[datetime, datetime]:
        """The earliest and the latest start that can be booked now, both included; staff need no notice."""
        notice = timedelta(0) if staff else timedelta(minutes=self.minimum_notice_minutes)
        return now + notice, now + timedelta(days=self.horizon_days)
