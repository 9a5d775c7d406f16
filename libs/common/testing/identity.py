"""Tokens for tests: a key of their own, and people of every role."""

import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.common.ids import new_id
from libs.common.security.tokens import ACCESS_TOKEN, SERVICE_TOKEN, USER_AUDIENCE, sign

ISSUER = "https://auth.test"
KID = "test-key"


class FixedKeys:
    """A `KeySource` that knows one key, and `Revocations` that a test can add to."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.revoked: set[str] = set()
        self.refreshes = 0

    def get(self, kid: str) -> Ed25519PublicKey | None:
        return self.private.public_key() if kid == KID else None

    async def refresh(self) -> None:
        self.refreshes += 1

    def is_revoked(self, session_id: str) -> bool:
        return session_id in self.revoked


class TokenMint:
    """Signs what auth would sign."""

    def __init__(self, keys: FixedKeys) -> None:
        self._keys = keys

    def staff(self, role: str, clinic_id: str, *, user_id: str | None = None, **claims: Any) -> str:
        subject = user_id or new_id("usr")
        return self._access(sub=subject, kind="staff", role=role, clinic_id=clinic_id, **claims)

    def account(self, account_id: str, **claims: Any) -> str:
        return self._access(sub=account_id, kind="account", role="patient", **claims)

    def service(self, name: str, audience: str, **claims: Any) -> str:
        return self._signed(
            SERVICE_TOKEN, {"sub": f"svc:{name}", "kind": "service", "role": "system", "aud": audience, **claims}
        )

    def _access(self, **claims: Any) -> str:
        return self._signed(ACCESS_TOKEN, {"aud": USER_AUDIENCE, "sid": new_id("ses"), **claims})

    def _signed(self, token_type: str, claims: dict[str, Any]) -> str:
        now = int(time.time())
        standard = {"iss": ISSUER, "iat": now, "exp": now + 900, "jti": new_id("jti"), "auth_time": now}
        return sign({**standard, **claims}, key=self._keys.private, kid=KID, token_type=token_type)
