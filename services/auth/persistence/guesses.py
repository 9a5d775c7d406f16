"""Guesses are counted before they are looked at, in one atomic step: however many come at once, five are evaluated."""

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from libs.common.clock import Clock
from libs.common.mongo.database import Database, Raw
from services.auth.domain import otp_challenge, pending_login
from services.auth.domain.errors import MfaTokenInvalid, OtpExhausted, OtpExpired
from services.auth.domain.otp_challenge import OtpChallenge
from services.auth.domain.pending_login import PendingLogin
from services.auth.domain.secret_token import SecretToken
from services.auth.persistence.documents import OtpChallengeDocument, PendingLoginDocument


class Guesses:
    """Outside of `transact`: a guess counts whatever becomes of it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._challenges = db[OtpChallengeDocument.Settings.name]
        self._logins = db[PendingLoginDocument.Settings.name]
        self._clock = clock

    async def of_challenge(self, challenge_id: str) -> OtpChallenge:
        """The challenge with this guess counted. Raises `OtpExhausted`, `OtpExpired`."""
        now = self._clock.now()
        raw = await _count(self._challenges, {"_id": challenge_id}, otp_challenge.GUESSES, now)
        if raw is not None:
            return OtpChallenge.model_validate(raw)
        known = await self._challenges.find_one({"_id": challenge_id})
        if known is not None and OtpChallenge.model_validate(known).is_live(now):
            raise OtpExhausted
        raise OtpExpired

    async def of_login(self, mfa_token: str) -> PendingLogin:
        """The login that waits behind this token, with this guess counted. Raises `MfaTokenInvalid`."""
        token = SecretToken.parse(mfa_token)
        query = {"_id": token.id, "secret_hash": token.hash}
        raw = await _count(self._logins, query, pending_login.GUESSES, self._clock.now())
        if raw is None:
            raise MfaTokenInvalid
        return PendingLogin.model_validate(raw)


async def _count(collection: Any, query: Raw, most: int, now: datetime) -> Raw | None:
    open_for_guesses = {"guesses": {"$lt": most}, "consumed_at": None, "expires_at": {"$gt": now}}
    one_more = {"$inc": {"guesses": 1, "revision": 1}}
    found: Raw | None = await collection.find_one_and_update(
        {**query, **open_for_guesses}, one_more, return_document=ReturnDocument.AFTER
    )
    return found
