"""A code sent to a phone: five minutes, five guesses, one use."""

from datetime import datetime, timedelta
from math import ceil

from libs.common.aggregate import Aggregate
from services.auth.domain.clinic import PLATFORM
from services.auth.domain.errors import OtpExpired, ResendTooEarly

LIFE = timedelta(minutes=5)
GUESSES = 5
RESEND_GAPS = (timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120))


class OtpChallenge(Aggregate):
    """`number` counts the challenges of an account, `resends` those since the last one that was used or ran out.

    `phone` and `code` are encrypted, for the delivery; guesses are compared with `code_digest`. A guess is counted
    in the database before it is looked at, see `persistence.guesses`.
    """

    account_id: str
    number: int
    resends: int
    phone: str
    code: str
    code_digest: str
    language: str
    device_name: str | None = None
    guesses: int = 0
    expires_at: datetime
    consumed_at: datetime | None = None

    @classmethod
    def request(
        cls,
        previous: "OtpChallenge | None",
        *,
        challenge_id: str,
        account_id: str,
        phone: str,
        code: str,
        code_digest: str,
        language: str,
        device_name: str | None,
        now: datetime,
    ) -> "OtpChallenge":
        """A new challenge after the account's previous one. Raises `ResendTooEarly`."""
        check_resend(previous, now)
        again = previous is not None and previous.is_live(now)
        return cls(
            id=challenge_id,
            clinic_id=PLATFORM,
            account_id=account_id,
            number=previous.number + 1 if previous else 1,
            resends=previous.resends + 1 if previous and again else 0,
            phone=phone,
            code=code,
            code_digest=code_digest,
            language=language,
            device_name=device_name,
            expires_at=now + LIFE,
        )

    @property
    def resend_gap(self) -> timedelta:
        """How long to wait before asking for another."""
        return RESEND_GAPS[min(self.resends, len(RESEND_GAPS) - 1)]

    @property
    def guesses_left(self) -> int:
        return max(0, GUESSES - self.guesses)

    def is_live(self, now: datetime) -> bool:
        return self.consumed_at is None and now < self.expires_at

    def redeem(self, now: datetime) -> None:
        """Use it up; the code was right."""
        if not self.is_live(now):
            raise OtpExpired
        self.consumed_at = now


def check_resend(previous: OtpChallenge | None, now: datetime) -> None:
    """Raises `ResendTooEarly` while the code before may still be on its way. A code that was used frees the way."""
    if previous is None or not previous.is_live(now):
        return
    wait = (previous.created_at + previous.resend_gap - now).total_seconds()
    if wait > 0:
        raise ResendTooEarly(retry_after=ceil(wait))
