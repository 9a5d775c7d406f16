"""How reliably a patient comes: the strikes that a clinic's deposit policy looks at."""

from libs.common.aggregate import Aggregate
from services.scheduling.domain.booking_policy import BookingPolicy


class Attendance(Aggregate):
    """Its id is the patient's."""

    no_shows: int = 0

    @property
    def subject_id(self) -> str:
        return self.id

    def strike(self) -> int:
        """One more no-show; returns how many there are."""
        self.no_shows += 1
        return self.no_shows

    def needs_deposit(self, policy: BookingPolicy) -> bool:
        """Whether bookings are only held until the front desk, or a payment, confirms them."""
        return policy.deposit_after_no_shows is not None and self.no_shows >= policy.deposit_after_no_shows
