"""A device a staff member logs in from: nobody does before somebody else has approved it."""

from datetime import datetime
from enum import StrEnum

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from services.auth.domain.errors import DeviceDecided, OwnDevice
from services.auth.domain.secret_token import SecretToken


class DeviceStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Device(Aggregate):
    """One per staff member and device: a shared computer is approved for each person who uses it.

    `given_id` is the id the device gave itself. `status_token_hash` belongs to the token that shows this device's
    status and nothing else.
    """

    user_id: str
    given_id: str
    name: str
    status: DeviceStatus = DeviceStatus.PENDING
    requested_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    status_token_hash: str | None = None

    @classmethod
    def requested(cls, *, user_id: str, clinic_id: str, given_id: str, name: str, now: datetime) -> "Device":
        return cls(
            id=new_id("dev"), clinic_id=clinic_id, user_id=user_id, given_id=given_id, name=name, requested_at=now
        )

    @property
    def approved(self) -> bool:
        return self.status is DeviceStatus.APPROVED

    def approve(self, by: str, now: datetime) -> None:
        """Raises `OwnDevice` for the person who logs in from it, `DeviceDecided` when it does not wait."""
        self._decide(DeviceStatus.APPROVED, by, now)

    def reject(self, by: str, now: datetime) -> None:
        """As `approve`; an approved device can be rejected later, a rejected one stays so."""
        self._decide(DeviceStatus.REJECTED, by, now)

    def new_status_token(self) -> SecretToken:
        """A token to watch the decision with; the one before stops working."""
        token = SecretToken.new(self.id)
        self.status_token_hash = token.hash
        return token

    def _decide(self, status: DeviceStatus, by: str, now: datetime) -> None:
        if by == self.user_id:
            raise OwnDevice
        withdrawal = self.approved and status is DeviceStatus.REJECTED
        if self.status is not DeviceStatus.PENDING and not withdrawal:
            raise DeviceDecided(f"The device is {self.status}", extra={"current_status": self.status})
        self.status = status
        self.decided_at = now
        self.decided_by = by
