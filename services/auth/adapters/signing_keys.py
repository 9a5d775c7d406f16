"""The signing keys as this process knows them: read from storage, made when missing, looked at again all the time."""

import asyncio
import base64
import time
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.common.clock import Clock
from libs.common.crypto.keyring import KeyWrapper, bound_text
from libs.common.ids import new_id
from libs.common.mongo.database import Database
from services.auth.domain.clinic import PLATFORM
from services.auth.domain.signing_key import KeyState, SigningKey
from services.auth.persistence.documents import SigningKeyDocument


class Signer(NamedTuple):
    kid: str
    key: Ed25519PrivateKey


class StoredSigningKeys:
    """A `KeySource` over our own collection; other replicas' new keys are found by `refresh`."""

    def __init__(self, db: Database, wrapper: KeyWrapper, *, min_interval: float = 1.0) -> None:
        self._collection = db[SigningKeyDocument.Settings.name]
        self._wrapper = wrapper
        self._min_interval = min_interval
        self._public: dict[str, Ed25519PublicKey] = {}
        self._signer: Signer | None = None
        self._loaded_at = float("-inf")
        self._lock = asyncio.Lock()

    def get(self, kid: str) -> Ed25519PublicKey | None:
        return self._public.get(kid)

    async def refresh(self) -> None:
        """As `load`, unless that was done a moment ago: made-up key ids must not become a flood on storage."""
        async with self._lock:
            if time.monotonic() - self._loaded_at >= self._min_interval:
                await self._load()

    async def load(self) -> None:
        async with self._lock:
            await self._load()

    @property
    def signer(self) -> Signer:
        """What signs now; a programming error before `load`."""
        if self._signer is None:
            raise RuntimeError("the signing keys are not loaded")
        return self._signer

    def key_set(self) -> list[dict[str, str]]:
        """The public keys as JWKs (RFC 8037)."""
        return [
            {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": _encoded(key)}
            for kid, key in self._public.items()
        ]

    async def _load(self) -> None:
        query = {"state": {"$ne": KeyState.RETIRED}}
        keys = [SigningKey.model_validate(raw) async for raw in self._collection.find(query, sort=[("_id", 1)])]
        for key in keys:
            if key.state is KeyState.SIGNING and (self._signer is None or self._signer.kid != key.id):
                self._signer = Signer(key.id, await _unwrapped(key, self._wrapper))
        self._public = {key.id: Ed25519PublicKey.from_public_bytes(_decoded(key.public)) for key in keys}
        self._loaded_at = time.monotonic()


async def new_signing_key(wrapper: KeyWrapper, clock: Clock) -> SigningKey:
    """A fresh key pair, its private half wrapped for storage."""
    kid, private = new_id("key"), Ed25519PrivateKey.generate()
    return SigningKey(
        id=kid,
        clinic_id=PLATFORM,
        public=_encoded(private.public_key()),
        wrapped=await wrapper.wrap(private.private_bytes_raw(), _bound_to(kid)),
        wrapped_with=wrapper.active_key,
        published_at=clock.now(),
    )


async def _unwrapped(key: SigningKey, wrapper: KeyWrapper) -> Ed25519PrivateKey:
    raw = await wrapper.unwrap(key.wrapped_with, key.wrapped, _bound_to(key.id))
    return Ed25519PrivateKey.from_private_bytes(raw)


def _bound_to(kid: str) -> str:
    return bound_text("signing_key", kid)


def _encoded(key: Ed25519PublicKey) -> str:
    return base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
