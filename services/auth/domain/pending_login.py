"""A login between the password and the second factor: five minutes, five guesses, one use."""

from datetime import datetime, timedelta

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from services.auth.domain.device import Device
from services.auth.domain.errors import MfaTokenInvalid
from services.auth.domain.secret_token import SecretToken

LIFE = timedelta(minutes=5)
GUESSES = 5


class PendingLogin(Aggregate):
    """What an `mfa_token` opens. `enrolling`: the first code confirms the secret that was offered with it.

    `generation` is the user's at the password.
    """

    user_id: str
    device_id: str
    device_name: str
    generation: int = 0
    secret_hash: str
    enrolling: bool
    guesses: int = 0
    expires_at: datetime
    consumed_at: datetime | None = None

    @classmethod
    def begin(
        cls, device: Device, *, generation: int, enrolling: bool, now: datetime
    ) -> "tuple[PendingLogin, SecretToken]":
        token = SecretToken.new(new_id("mfa"))
        pending = cls(
            id=token.id,
            clinic_id=device.clinic_id,
            user_id=device.user_id,
            device_id=device.id,
            device_name=device.name,
            generation=generation,
            secret_hash=token.hash,
            enrolling=enrolling,
            expires_at=now + LIFE,
        )
        return pending, token

    def redeem(self, now: datetime) -> None:
        """Use it up; the code was right."""
        if self.consumed_at is not None or now >= self.expires_at:
            raise MfaTokenInvalid
        self.consumed_at = now
