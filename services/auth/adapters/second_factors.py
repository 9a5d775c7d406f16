"""Authenticator codes (TOTP, RFC 6238) and recovery codes: secrets, and what a code proves."""

import hmac
import secrets
from typing import NamedTuple

import pyotp

from libs.common.clock import Clock
from libs.common.crypto.fields import FieldCrypto, Place
from services.auth.adapters.digests import Digests
from services.auth.domain.errors import MfaCodeWrong, MfaNotOffered
from services.auth.domain.user import SecondFactorProof, User

_ISSUER = "Clinic"
_RECOVERY_CODES = 10
_RECOVERY_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_STEPS_OFF = (0, -1, 1)
"""The clock of a phone may be a step of 30 seconds off."""


class Offer(NamedTuple):
    """A new secret: for the person (base32, and as the link a QR code shows), and encrypted for storage."""

    secret: str
    uri: str
    sealed: str


class RecoveryCodes(NamedTuple):
    """Shown once, kept as digests."""

    plain: list[str]
    digests: list[str]


class SecondFactors:
    """Whether a code was used before is the user's knowledge, see `User.accept`."""

    def __init__(self, fields: FieldCrypto, digests: Digests, clock: Clock) -> None:
        self._fields = fields
        self._digests = digests
        self._clock = clock

    async def offer(self, user_id: str, clinic_id: str, email: str) -> Offer:
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)
        return Offer(secret, uri, await self._fields.encrypt(secret, _place(clinic_id, user_id)))

    async def check(self, user: User, code: str) -> SecondFactorProof:
        """What this code proves of the factor in force. Raises `MfaCodeWrong`."""
        if len(code) != 6:
            digest = self._recovery_digest(user.id, code)
            if digest in user.recovery_codes:
                return SecondFactorProof(recovery_digest=digest)
            raise MfaCodeWrong
        return await self._check_totp(user, user.totp, code)

    async def check_offered(self, user: User, code: str) -> SecondFactorProof:
        """The same of the secret that waits for its first code. Raises `MfaNotOffered`, `MfaCodeWrong`."""
        if user.totp_offered is None:
            raise MfaNotOffered
        return await self._check_totp(user, user.totp_offered, code)

    def recovery_codes(self, user_id: str) -> RecoveryCodes:
        plain = [_recovery_code() for _ in range(_RECOVERY_CODES)]
        return RecoveryCodes(plain, [self._recovery_digest(user_id, code) for code in plain])

    async def _check_totp(self, user: User, sealed: str | None, code: str) -> SecondFactorProof:
        if sealed is None:
            raise MfaCodeWrong
        totp = pyotp.TOTP(await self._fields.decrypt(sealed, _place(user.clinic_id, user.id)))
        now = totp.timecode(self._clock.now())
        matching = [now + off for off in _STEPS_OFF if hmac.compare_digest(totp.generate_otp(now + off), code)]
        if not matching:
            raise MfaCodeWrong
        return SecondFactorProof(step=matching[0])

    def _recovery_digest(self, user_id: str, code: str) -> str:
        return self._digests.of("recovery", user_id, code.lower().replace("-", ""))


def _recovery_code() -> str:
    """Ten characters, about 50 bits, in two groups that can be read aloud."""
    characters = "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(10))
    return f"{characters[:5]}-{characters[5:]}"


def _place(clinic_id: str, user_id: str) -> Place:
    return Place(clinic_id, "users", user_id, "totp")
