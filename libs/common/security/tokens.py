"""Tokens: EdDSA JWTs pinned to published keys, checked for every way they have been forged before.

Access tokens (`typ: at+jwt`, `aud: clinic`) name a person, service tokens (`typ: svc+jwt`, `aud: <service>`)
name a service and live a minute. Nothing else is accepted anywhere.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.common.errors import Unauthenticated
from libs.common.security.caller import Caller, CallerKind

ACCESS_TOKEN = "at+jwt"  # noqa: S105 - a media type
SERVICE_TOKEN = "svc+jwt"  # noqa: S105 - a media type
USER_AUDIENCE = "clinic"
_ALGORITHM = "EdDSA"
_HEADER_FIELDS = {"alg", "kid", "typ"}
_LEEWAY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. Times are seconds since the epoch."""

    kid: str
    token_type: str
    subject: str
    kind: CallerKind
    role: str
    clinic_id: str | None
    session_id: str | None
    auth_time: int | None
    expires_at: int
    token_id: str

    def caller(self) -> Caller:
        return Caller(
            id=self.subject,
            role=self.role,
            kind=self.kind,
            clinic_id=self.clinic_id,
            session_id=self.session_id,
            auth_time=self.auth_time,
        )


class KeySource(Protocol):
    """Where verification keys come from."""

    def get(self, kid: str) -> Ed25519PublicKey | None:
        """The published key, or None when it is unknown or retired."""
        ...

    async def refresh(self) -> None:
        """Look again, because a token names a key that is not known yet. Bounded in rate by the source."""
        ...


class Revocations(Protocol):
    """Which sessions ended before their tokens did."""

    def is_revoked(self, session_id: str) -> bool: ...


class TokenVerifier:
    """Verifies bearers for one audience. A token seen before costs a look-up, not a signature check.

    `service` is the name service tokens must be meant for; None refuses all service tokens (the gateway).
    """

    def __init__(
        self,
        keys: KeySource,
        revocations: Revocations,
        *,
        issuer: str,
        service: str | None = None,
        cache_size: int = 10_000,
    ) -> None:
        self._keys = keys
        self._revocations = revocations
        self._issuer = issuer
        self._service = service
        self._seen: LRUCache[str, Claims] = LRUCache(cache_size)

    async def verify(self, bearer: str) -> Claims:
        """The claims of a good token; raises `Unauthenticated` for every other one, without saying why."""
        claims = self._seen.get(bearer)
        if claims is None:
            claims = await self._check(bearer)
            self._seen[bearer] = claims
        elif claims.expires_at + _LEEWAY_SECONDS < time.time() or self._keys.get(claims.kid) is None:
            raise Unauthenticated("The token has expired: refresh it or log in again")
        if claims.session_id is not None and self._revocations.is_revoked(claims.session_id):
            raise Unauthenticated("The session has ended: log in again")
        return claims

    async def _check(self, bearer: str) -> Claims:
        try:
            header = jwt.get_unverified_header(bearer)
            kid, kind = self._pinned(header)
            key = self._keys.get(kid)
            if key is None:
                await self._keys.refresh()
                key = self._keys.get(kid)
            if key is None:
                raise jwt.InvalidTokenError("unknown key")
            audience = USER_AUDIENCE if kind == ACCESS_TOKEN else self._service
            payload = jwt.decode(
                bearer,
                key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"], "strict_aud": True},
            )
            return _claims(kid, kind, payload)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise Unauthenticated("The token is not valid: log in again") from None

    def _pinned(self, header: Mapping[str, Any]) -> tuple[str, str]:
        """Refuse what could steer the check: other algorithms, embedded or remote keys, critical extensions."""
        kid, kind = header.get("kid"), header.get("typ")
        if header.get("alg") != _ALGORITHM or set(header) != _HEADER_FIELDS or not isinstance(kid, str):
            raise jwt.InvalidTokenError("header")
        if kind != ACCESS_TOKEN and not (kind == SERVICE_TOKEN and self._service is not None):
            raise jwt.InvalidTokenError("type")
        return kid, str(kind)


def _claims(kid: str, token_type: str, payload: Mapping[str, Any]) -> Claims:
    kind: CallerKind = "service" if token_type == SERVICE_TOKEN else payload["kind"]
    if kind not in ("staff", "account", "service") or (kind == "service") != (token_type == SERVICE_TOKEN):
        raise ValueError("kind")
    if (kind == "service") != (payload["role"] == "system" and str(payload["sub"]).startswith("svc:")):
        raise ValueError("a service has the role of one, and nobody else does")
    session_id = payload.get("sid")
    if kind != "service" and not isinstance(session_id, str):
        raise ValueError("sid")
    return Claims(
        kid=kid,
        token_type=token_type,
        subject=str(payload["sub"]),
        kind=kind,
        role=str(payload["role"]),
        clinic_id=payload.get("clinic_id"),
        session_id=session_id,
        auth_time=payload.get("auth_time"),
        expires_at=int(payload["exp"]),
        token_id=str(payload["jti"]),
    )


def sign(claims: Mapping[str, Any], *, key: Ed25519PrivateKey, kid: str, token_type: str) -> str:
    """A compact JWT. Only auth signs, and tests."""
    return jwt.encode(dict(claims), key, algorithm=_ALGORITHM, headers={"kid": kid, "typ": token_type})
