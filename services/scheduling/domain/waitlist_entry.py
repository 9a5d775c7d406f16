"""The waitlist: who wants an earlier time, and the timed offers they get when one is free."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from services.scheduling.domain.errors import OfferAlreadyAccepted, OfferExpired, OfferUnknown, StateForbids
from services.scheduling.domain.slot import Mode, Slot


class WaitlistStatus(StrEnum):
    WAITING = "WAITING"
    OFFERED = "OFFERED"
    BOOKED = "BOOKED"
    LEFT = "LEFT"


class Offer(BaseModel):
    """A freed slot, held for this patient until `expires_at` by the appointment named here."""

    id: str
    slot_id: str
    appointment_id: str
    start: datetime
    end: datetime
    expires_at: datetime


class WaitlistEntry(Aggregate):
    """A wish: this patient, this doctor, any slot that starts in [earliest, latest). Higher priority goes first."""

    patient_id: str
    doctor_id: str
    earliest: datetime
    latest: datetime
    mode: Mode | None = None
    priority: int = 0
    status: WaitlistStatus = WaitlistStatus.WAITING
    offer: Offer | None = None
    declined_slots: list[str] = []
    appointment_id: str | None = None

    @property
    def subject_id(self) -> str:
        return self.patient_id

    @property
    def standing_offer(self) -> Offer | None:
        """The offer that can be taken or was. One that was let pass is kept only to know a late answer to it."""
        return self.offer if self.status in (WaitlistStatus.OFFERED, WaitlistStatus.BOOKED) else None

    def wants(self, slot: Slot) -> bool:
        """Whether this slot is worth an offer: in the window, right mode, and not let pass before."""
        return (
            self.status is WaitlistStatus.WAITING
            and self.doctor_id == slot.doctor_id
            and self.earliest <= slot.start < self.latest
            and (self.mode is None or self.mode in slot.modes)
            and slot.id not in self.declined_slots
        )

    def make_offer(self, slot: Slot, appointment_id: str, expires_at: datetime) -> Offer:
        self._only_in(WaitlistStatus.WAITING)
        self.status = WaitlistStatus.OFFERED
        self.offer = Offer(
            id=new_id("off"),
            slot_id=slot.id,
            appointment_id=appointment_id,
            start=slot.start,
            end=slot.end,
            expires_at=expires_at,
        )
        return self.offer

    def accept(self, offer_id: str, now: datetime) -> Offer:
        """The patient takes the slot; raises `OfferExpired` when the time to say so is over."""
        if self.offer is None or self.offer.id != offer_id:
            raise OfferUnknown
        if self.status is WaitlistStatus.BOOKED:
            raise OfferAlreadyAccepted(extra={"appointment_id": self.appointment_id})
        self._only_in(WaitlistStatus.OFFERED, WaitlistStatus.WAITING)
        if self.status is WaitlistStatus.WAITING or now >= self.offer.expires_at:
            raise OfferExpired
        self.status = WaitlistStatus.BOOKED
        self.appointment_id = self.offer.appointment_id
        return self.offer

    def let_pass(self) -> Offer:
        """The offer ran out or was declined: back in line, but not for the same slot again."""
        self._only_in(WaitlistStatus.OFFERED)
        if self.offer is None:
            raise OfferUnknown
        self.status = WaitlistStatus.WAITING
        self.declined_slots.append(self.offer.slot_id)
        return self.offer

    def leave(self) -> Offer | None:
        """No longer waiting; returns the offer that stood, if one did."""
        self._only_in(WaitlistStatus.WAITING, WaitlistStatus.OFFERED)
        standing = self.standing_offer
        self.status = WaitlistStatus.LEFT
        return standing

    def _only_in(self, *allowed: WaitlistStatus) -> None:
        if self.status not in allowed:
            raise StateForbids(f"The waitlist entry is {self.status}", extra={"current_status": self.status})
