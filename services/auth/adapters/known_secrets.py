"""Secrets that a deployment hands out: who shows one is who they say."""

import hmac
import secrets
from collections.abc import Mapping

from pydantic import SecretStr


def same_secret(shown: str, known: SecretStr) -> bool:
    """In constant time; an empty secret is none, so nothing equals it."""
    expected = known.get_secret_value() or secrets.token_urlsafe()
    return hmac.compare_digest(shown.encode(), expected.encode())


class ServiceSecrets:
    """The services that may ask for tokens."""

    def __init__(self, known: Mapping[str, SecretStr]) -> None:
        self._known = known

    def belongs_to(self, service: str, secret: str) -> bool:
        return same_secret(secret, self._known.get(service, SecretStr("")))
