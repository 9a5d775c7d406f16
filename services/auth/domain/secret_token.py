"""Secrets that are handed out once and kept as a hash only: `<id>.<secret>`, where the id says what it opens."""

import hmac
import secrets
from hashlib import sha256
from typing import NamedTuple


class SecretToken(NamedTuple):
    """256 random bits, so that a plain hash is enough to keep."""

    id: str
    secret: str

    @classmethod
    def new(cls, for_id: str) -> "SecretToken":
        return cls(for_id, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, token: str) -> "SecretToken":
        """Any text is one; what it opens is another matter."""
        opens, _, secret = token.partition(".")
        return cls(opens, secret)

    @property
    def hash(self) -> str:
        return sha256(self.secret.encode()).hexdigest()

    def opens(self, stored_hash: str | None) -> bool:
        return stored_hash is not None and hmac.compare_digest(self.hash, stored_hash)

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"
