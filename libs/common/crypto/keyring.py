"""The secrets a deployment is given: key-encryption keys with their rotation, and the key of indexes and pseudonyms.

As JSON, 32 random bytes per key in base64; `active` names the key that wraps new data keys, the others still unwrap:

    {"active": "k2", "keys": {"k1": "...", "k2": "..."}, "blind_index_key": "..."}
"""

import base64
import hmac
import json
import secrets
from typing import Any, Protocol, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typeid import TypeID

_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyringInvalid(ValueError):
    """The keyring is not what it should be; the process must not start."""


class Undecryptable(Exception):
    """The ciphertext was tampered with, belongs elsewhere, or its key is gone."""


class KeyWrapper(Protocol):
    """What wraps data keys: the local keyring, or a key management service behind the same three members."""

    @property
    def active_key(self) -> str:
        """The name of the key that `wrap` uses now."""
        ...

    async def wrap(self, data_key: bytes, bound_to: str) -> str:
        """The data key, encrypted so that only `unwrap` with the same `bound_to` opens it."""
        ...

    async def unwrap(self, key: str, wrapped: str, bound_to: str) -> bytes:
        """The data key that was wrapped with the key named `key`. Raises `Undecryptable`."""
        ...


class Keyring:
    """Keys held in this process. Build it with `Keyring.parse(settings.field_keyring.get_secret_value())`."""

    def __init__(self, active: str, keys: dict[str, bytes], blind_index_key: bytes) -> None:
        if active not in keys:
            raise KeyringInvalid(f"The active key {active!r} is not among the keys")
        for secret in (*keys.values(), blind_index_key):
            if len(secret) != _KEY_BYTES:
                raise KeyringInvalid(f"Every key has {_KEY_BYTES} bytes")
        self._active = active
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._blind_index_key = blind_index_key

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the JSON form. Raises `KeyringInvalid`, which quotes no key."""
        try:
            given = json.loads(text)
            keys = {name: base64.b64decode(key, validate=True) for name, key in given["keys"].items()}
            blind_index_key = base64.b64decode(given["blind_index_key"], validate=True)
            return cls(given["active"], keys, blind_index_key)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, KeyringInvalid):
                raise
            raise KeyringInvalid("The keyring is not JSON of the documented form") from None

    @property
    def active_key(self) -> str:
        return self._active

    async def wrap(self, data_key: bytes, bound_to: str) -> str:
        return seal(self._ciphers[self._active], data_key, bound_to)

    async def unwrap(self, key: str, wrapped: str, bound_to: str) -> bytes:
        if key not in self._ciphers:
            raise Undecryptable(f"The keyring has no key {key!r}")
        return unseal(self._ciphers[key], wrapped, bound_to)

    def derived_key(self, *purpose: str) -> bytes:
        """A key of its own for a purpose, from the blind index key: 32 bytes, stable while that key stays."""
        return hmac.digest(self._blind_index_key, bound_text(*purpose).encode(), "sha256")


def generate_keyring(previous: str | None = None) -> str:
    """A fresh keyring as JSON; given the previous one, the same with a new active key beside the old keys."""
    ring: dict[str, Any] = {"keys": {}, "blind_index_key": _random_key()}
    if previous:
        ring = json.loads(previous)
    numbers = [int(name[1:]) for name in ring["keys"] if name[1:].isdecimal()]
    ring["active"] = f"k{max(numbers, default=0) + 1}"
    ring["keys"][ring["active"]] = _random_key()
    return json.dumps(ring)


def pseudonym(key: bytes, text: str, *, prefix: str) -> str:
    """An id that always stands for the same `text` and tells nothing about it without the key: `acc_7g3...`.

    Its form is that of `new_id(prefix)`, but it does not sort by time.
    """
    digest = hmac.digest(key, text.encode(), "sha256")
    return str(TypeID.from_uuid(UUID(bytes=digest[:16]), prefix=prefix))  # type: ignore[arg-type]  # any UUID


def bound_text(*parts: str) -> str:
    """The parts as one text from which no other parts can be read."""
    return json.dumps(parts, ensure_ascii=False)


def seal(cipher: AESGCM, plain: bytes, bound_to: str) -> str:
    """Encrypt and bind to a context: base64url of nonce, ciphertext and tag."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + cipher.encrypt(nonce, plain, bound_to.encode())).decode()


def unseal(cipher: AESGCM, sealed: str, bound_to: str) -> bytes:
    """Undo `seal`. Raises `Undecryptable` unless nothing has changed, the context included."""
    try:
        raw = base64.urlsafe_b64decode(sealed)
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode())
    except (ValueError, InvalidTag):
        raise Undecryptable("The ciphertext was changed or belongs elsewhere") from None


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
