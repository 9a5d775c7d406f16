"""The six digits of an OTP: made, kept encrypted for their delivery, and compared as keyed digests."""

import hmac
import secrets
from typing import NamedTuple

from libs.common.crypto.fields import FieldCrypto, Place
from services.auth.adapters.digests import Digests
from services.auth.domain.otp_challenge import OtpChallenge

_KEYS_OF = "platform"
"""Whose data key encrypts what belongs to no clinic."""


class SealedCode(NamedTuple):
    """What a challenge keeps: number and code encrypted for it, and what guesses are compared with."""

    phone: str
    code: str
    code_digest: str


class Delivery(NamedTuple):
    """What the sender of a code needs, in plain."""

    phone: str
    code: str


class OneTimeCodes:
    """A digest binds a code to its challenge; six digits alone would be found by trying all of them."""

    def __init__(self, fields: FieldCrypto, digests: Digests) -> None:
        self._fields = fields
        self._digests = digests

    async def issue(self, challenge_id: str, phone: str) -> SealedCode:
        code = f"{secrets.randbelow(10**6):06}"
        return SealedCode(
            phone=await self._fields.encrypt(phone, _place(challenge_id, "phone")),
            code=await self._fields.encrypt(code, _place(challenge_id, "code")),
            code_digest=self._digest(challenge_id, code),
        )

    def matches(self, challenge: OtpChallenge, code: str) -> bool:
        return hmac.compare_digest(self._digest(challenge.id, code), challenge.code_digest)

    async def delivery(self, challenge: OtpChallenge) -> Delivery:
        return Delivery(
            phone=await self._fields.decrypt(challenge.phone, _place(challenge.id, "phone")),
            code=await self._fields.decrypt(challenge.code, _place(challenge.id, "code")),
        )

    def _digest(self, challenge_id: str, code: str) -> str:
        return self._digests.of("otp", challenge_id, code)


def _place(challenge_id: str, field: str) -> Place:
    return Place(_KEYS_OF, "otp_challenges", challenge_id, field)
