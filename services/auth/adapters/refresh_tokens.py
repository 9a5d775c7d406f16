"""Refresh tokens: random, self-proving, each successor derived from the one it replaces.

A token is `<session>.<secret>.<tag>`. The tag shows that we issued it, so made-up tokens can end nobody's session.
A successor is an HMAC of the token before and a nonce the session keeps: it can be given out again after a lost
answer, though only its hash is stored, and neither the database nor an old token alone is enough to work it out.
"""

import base64
import hmac
import secrets
from hashlib import sha256
from typing import NamedTuple

from libs.common.ids import new_id
from services.auth.adapters.digests import Digests
from services.auth.domain.errors import RefreshTokenInvalid
from services.auth.use_cases.refresh_session import RefreshSession
from services.auth.use_cases.staff_session import Opening


class First(NamedTuple):
    """The first token of a session that is about to be opened."""

    token: str
    opening: Opening


class RefreshTokens:
    def __init__(self, digests: Digests) -> None:
        self._digests = digests

    def first(self) -> First:
        session_id = new_id("ses")
        token = self._token(session_id, secrets.token_bytes(32))
        return First(token, Opening(session_id=session_id, token_hash=_hash(token)))

    def exchange(self, token: str, client: str, retry_key: str | None) -> RefreshSession:
        """What to ask of the session this token names; the answer is repeated for the same client with the same key.
        Raises `RefreshTokenInvalid` for what we never issued."""
        session_id, _, rest = token.partition(".")
        secret, _, tag = rest.partition(".")
        if not token.isascii() or not hmac.compare_digest(tag, self._tag(session_id, secret)):
            raise RefreshTokenInvalid
        nonce = secrets.token_urlsafe(16)
        return RefreshSession(
            session_id=session_id,
            presented_hash=_hash(token),
            successor_hash=_hash(self.successor(token, nonce)),
            nonce=nonce,
            retry=None if retry_key is None else self._digests.of("retry", client, retry_key),
        )

    def successor(self, token: str, nonce: str) -> str:
        return self._token(token.partition(".")[0], self._digests.raw("refresh_successor", token, nonce))

    def _token(self, session_id: str, secret: bytes) -> str:
        text = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
        return f"{session_id}.{text}.{self._tag(session_id, text)}"

    def _tag(self, session_id: str, secret: str) -> str:
        return self._digests.of("refresh_tag", session_id, secret)[:32]


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
