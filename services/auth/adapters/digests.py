"""Keyed digests: for what is too short to be kept as a plain hash, and for names that must not be readable."""

import hmac
from functools import lru_cache

from libs.common.crypto.keyring import Keyring, bound_text


class Digests:
    """HMAC-SHA256 under keys of their own per purpose, in hex. Without the keyring nobody can try codes out."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = lru_cache(maxsize=32)(lambda purpose: keyring.derived_key("auth", purpose))

    def of(self, purpose: str, *parts: str) -> str:
        return self.raw(purpose, *parts).hex()

    def raw(self, purpose: str, *parts: str) -> bytes:
        return hmac.digest(self._key(purpose), bound_text(*parts).encode(), "sha256")
