"""A session: one person on one device, from the login until it ends, and the chain of its refresh tokens."""

import hmac
from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from libs.common.security.caller import CallerKind
from services.auth.domain.clinic import PLATFORM
from services.auth.domain.errors import RefreshTokenInvalid

STAFF_ACCESS = timedelta(minutes=15)
ACCOUNT_ACCESS = timedelta(hours=24)
LONGEST_ACCESS = max(STAFF_ACCESS, ACCOUNT_ACCESS)
IDLE = timedelta(days=3)
LONGEST = timedelta(days=14)
REPEAT_WINDOW = timedelta(seconds=10)
_CLOCK_SKEW = timedelta(minutes=1)
LONGEST_LISTED = LONGEST_ACCESS + _CLOCK_SKEW


class Turn(StrEnum):
    """What presenting a refresh token came to."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    """The client says the answer got lost: the same successor again."""
    REUSED = "reused"
    """An old token: somebody has a copy. The session is ended."""


class Session(Aggregate):
    """`holder_id` is a staff member or a patient's account; an account's session has no refresh token.

    Only hashes of refresh tokens are kept. A successor is derived from the token it replaces and `nonce`, so that a
    lost answer can be repeated. `retry` is the digest of the key under which the client may ask for that; without
    a key there is no second time. `generation` is the holder's at the login, see `User`.
    """

    holder_id: str
    generation: int = 0
    kind: CallerKind
    device_id: str | None = None
    device_name: str | None = None
    auth_time: datetime
    expires_at: datetime
    token_hash: str | None = None
    previous_hash: str | None = None
    nonce: str | None = None
    rotated_at: datetime | None = None
    retry: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    listed_until: datetime | None = None

    @classmethod
    def of_staff(
        cls,
        *,
        session_id: str,
        holder_id: str,
        generation: int,
        clinic_id: str,
        device_id: str,
        device_name: str,
        token_hash: str,
        now: datetime,
    ) -> "Session":
        return cls(
            id=session_id,
            clinic_id=clinic_id,
            holder_id=holder_id,
            generation=generation,
            kind="staff",
            device_id=device_id,
            device_name=device_name,
            auth_time=now,
            expires_at=now + IDLE,
            token_hash=token_hash,
        )

    @classmethod
    def of_account(cls, account_id: str, device_name: str | None, now: datetime) -> "Session":
        return cls(
            id=new_id("ses"),
            clinic_id=PLATFORM,
            holder_id=account_id,
            kind="account",
            device_name=device_name,
            auth_time=now,
            expires_at=now + ACCOUNT_ACCESS,
        )

    @property
    def access_life(self) -> timedelta:
        return STAFF_ACCESS if self.kind == "staff" else ACCOUNT_ACCESS

    def turn(self, presented_hash: str, *, successor_hash: str, nonce: str, retry: str | None, now: datetime) -> Turn:
        """Exchange the current token for its successor. Raises `RefreshTokenInvalid` when the session is over."""
        if self.ended_at is not None or now >= self.expires_at or self.token_hash is None:
            raise RefreshTokenInvalid
        if hmac.compare_digest(presented_hash, self.token_hash):
            self.previous_hash, self.token_hash = self.token_hash, successor_hash
            self.nonce, self.rotated_at, self.retry = nonce, now, retry
            self.expires_at = min(now + IDLE, self.created_at + LONGEST)
            return Turn.ROTATED
        if self._repeats(presented_hash, retry, now):
            return Turn.REPEATED
        self.end("refresh_token_reused", now)
        return Turn.REUSED

    def prove_again(self, now: datetime) -> None:
        """A fresh proof of who this is, for what needs one."""
        self.auth_time = now

    def end(self, reason: str, now: datetime) -> None:
        """Over for good; listed as revoked for as long as an access token of it may live."""
        if self.ended_at is None:
            self.ended_at = now
            self.end_reason = reason
            self.listed_until = now + self.access_life + _CLOCK_SKEW

    def _repeats(self, presented_hash: str, retry: str | None, now: datetime) -> bool:
        return (
            self.previous_hash is not None
            and self.rotated_at is not None
            and hmac.compare_digest(presented_hash, self.previous_hash)
            and now - self.rotated_at <= REPEAT_WINDOW
            and retry is not None
            and retry == self.retry
        )
