"""Whether a webhook comes from whom it says: an HMAC over the raw body, by a secret only the two of us know."""

import hmac

from pydantic import SecretStr

from services.notifications.domain.errors import SignatureInvalid

_PREFIX = "sha256="


class SignedBy:
    """One vendor's secrets: the current one and, while it is being rotated, the previous one."""

    def __init__(self, *secrets: SecretStr) -> None:
        self._keys = [secret.get_secret_value().encode() for secret in secrets if secret.get_secret_value()]

    def check(self, body: bytes, signature: str | None) -> None:
        """Raises `SignatureInvalid` unless `signature` is `sha256=<hex>` over exactly these bytes."""
        given = (signature or "").encode()
        good = False
        for key in self._keys:
            expected = _PREFIX + hmac.new(key, body, "sha256").hexdigest()
            good |= hmac.compare_digest(expected.encode(), given)
        if not good:
            raise SignatureInvalid
