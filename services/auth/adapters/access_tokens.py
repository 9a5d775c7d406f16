"""Access and service tokens, signed with the key that signs now."""

from datetime import timedelta
from typing import Any

from libs.common.clock import Clock
from libs.common.ids import new_id
from libs.common.security.tokens import ACCESS_TOKEN, SERVICE_TOKEN, USER_AUDIENCE, sign
from libs.contracts.roles import PATIENT, SYSTEM
from services.auth.adapters.signing_keys import StoredSigningKeys
from services.auth.domain.session import Session
from services.auth.domain.user import User

SERVICE_TOKEN_LIFE = timedelta(seconds=60)


class AccessTokens:
    def __init__(self, keys: StoredSigningKeys, clock: Clock, issuer: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer

    def of_staff(self, user: User, session: Session) -> str:
        return self._of_session(session, role=user.role, clinic_id=user.clinic_id)

    def of_account(self, session: Session) -> str:
        """Of minimal scope: it names the account and no clinic; requests name the patient."""
        return self._of_session(session, role=PATIENT)

    def of_service(self, service: str, audience: str) -> str:
        claims = {"sub": f"svc:{service}", "kind": "service", "role": SYSTEM, "aud": audience}
        return self._signed(SERVICE_TOKEN, claims, SERVICE_TOKEN_LIFE)

    def _of_session(self, session: Session, **claims: Any) -> str:
        standard = {
            "sub": session.holder_id,
            "aud": USER_AUDIENCE,
            "kind": session.kind,
            "sid": session.id,
            "auth_time": int(session.auth_time.timestamp()),
        }
        return self._signed(ACCESS_TOKEN, {**standard, **claims}, session.access_life)

    def _signed(self, token_type: str, claims: dict[str, Any], life: timedelta) -> str:
        now = self._clock.now()
        times = {"iat": int(now.timestamp()), "exp": int((now + life).timestamp())}
        signer = self._keys.signer
        return sign(
            {"iss": self._issuer, "jti": new_id("jti"), **times, **claims},
            key=signer.key,
            kid=signer.kid,
            token_type=token_type,
        )
