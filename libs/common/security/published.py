"""Keys and revoked sessions as auth publishes them: kept in memory, refreshed in the background.

When auth is away the last known answers stay in force: logging in stops, working does not.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import PyJWK

Fetch = Callable[[str], Awaitable[bytes]]
"""GETs a URL and returns the body; raises on anything but a 200."""

log = logging.getLogger(__name__)


class PublishedKeys:
    """A `KeySource` over `/.well-known/jwks.json`."""

    def __init__(self, url: str, fetch: Fetch, *, min_interval: float = 5.0) -> None:
        self._url = url
        self._fetch = fetch
        self._min_interval = min_interval
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._last_attempt = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def loaded(self) -> bool:
        return bool(self._keys)

    def get(self, kid: str) -> Ed25519PublicKey | None:
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch again unless that was tried moments ago: made-up key ids must not become a flood on auth."""
        async with self._lock:
            if time.monotonic() - self._last_attempt < self._min_interval:
                return
            self._last_attempt = time.monotonic()
            try:
                self._keys = _parse_jwks(await self._fetch(self._url))
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the known keys stay in force
                log.warning("keys_not_refreshed", extra={"error_type": type(error).__name__})


class RevokedSessions:
    """`Revocations` over `/.well-known/revoked-sessions`: the ids of sessions that ended within a token's life."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url = url
        self._fetch = fetch
        self._sessions: frozenset[str] = frozenset()

    def is_revoked(self, session_id: str) -> bool:
        return session_id in self._sessions

    async def refresh(self) -> None:
        try:
            self._sessions = frozenset(orjson.loads(await self._fetch(self._url))["sids"])
        except Exception as error:  # noqa: BLE001 - the known list stays in force
            log.warning("revocations_not_refreshed", extra={"error_type": type(error).__name__})


async def keep_fresh(
    keys: PublishedKeys,
    revoked: RevokedSessions,
    *,
    revocations_every: float = 20.0,
    keys_every: float = 30.0,
) -> None:
    """Run for as long as the process lives. Keys are retried every second until the first ones are there."""
    keys_due = 0.0
    while True:
        await revoked.refresh()  # before the keys: who has those is ready, and must know who is out
        if time.monotonic() >= keys_due or not keys.loaded:
            await keys.refresh()
            keys_due = time.monotonic() + keys_every
        await asyncio.sleep(revocations_every if keys.loaded else 1.0)


def _parse_jwks(body: bytes) -> dict[str, Ed25519PublicKey]:
    keys: dict[str, Ed25519PublicKey] = {}
    document: dict[str, Any] = orjson.loads(body)
    for entry in document["keys"]:
        key = PyJWK(entry, algorithm="EdDSA").key
        if isinstance(key, Ed25519PublicKey):
            keys[entry["kid"]] = key
    return keys
