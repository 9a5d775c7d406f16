"""The data keys of each clinic: made when first needed, stored wrapped, cached in the process, rotated by version."""

import asyncio
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from libs.common.crypto.keyring import KeyWrapper, Undecryptable, bound_text

DATA_KEYS = "data_keys"
"""The collection they are in, in each service's database."""
_KEY_BYTES = 32
_RELOAD_AFTER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """One version of a clinic's data key, encrypted with the key-encryption key named `key`."""

    clinic_id: str
    version: int
    key: str
    wrapped: str


class DataKeyStore(Protocol):
    """Where wrapped data keys are kept."""

    async def of_clinic(self, clinic_id: str) -> Sequence[WrappedKey]:
        """All versions of a clinic's key, oldest first."""
        ...

    async def add(self, key: WrappedKey) -> bool:
        """Store a new version; False, and nothing stored, if another process has just made that version."""
        ...

    async def rewrap(self, old: WrappedKey, new: WrappedKey) -> None:
        """Replace the wrapping of a version, unless somebody has replaced it already."""
        ...


class MongoDataKeys:
    """Wrapped data keys in a raw collection (`data_keys`), one document per clinic."""

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection

    async def of_clinic(self, clinic_id: str) -> Sequence[WrappedKey]:
        found = await self._collection.find_one({"_id": clinic_id}) or {"versions": []}
        return [WrappedKey(clinic_id, row["version"], row["key"], row["wrapped"]) for row in found["versions"]]

    async def add(self, key: WrappedKey) -> bool:
        row = {"version": key.version, "key": key.key, "wrapped": key.wrapped}
        without_it = {"_id": key.clinic_id, "versions.version": {"$ne": key.version}}
        try:
            await self._collection.update_one(without_it, {"$push": {"versions": row}}, upsert=True)
        except DuplicateKeyError:  # the clinic's document is there and has that version
            return False
        return True

    async def rewrap(self, old: WrappedKey, new: WrappedKey) -> None:
        await self._collection.update_one(
            {"_id": old.clinic_id, "versions.wrapped": old.wrapped},
            {"$set": {"versions.$.key": new.key, "versions.$.wrapped": new.wrapped}},
        )


class DataKeys:
    """Ciphers of clinics' data keys by version, from the cache or the store.

    A rotation by another process is noticed within five minutes, or on the first value that needs the new key.
    """

    def __init__(self, store: DataKeyStore, wrapper: KeyWrapper) -> None:
        self._store = store
        self._wrapper = wrapper
        self._ciphers: dict[str, Mapping[int, AESGCM]] = {}
        self._loaded_at: dict[str, float] = {}
        self._loading = asyncio.Lock()

    async def newest(self, clinic_id: str) -> tuple[int, AESGCM]:
        """The version to encrypt with now; the clinic's first one is made here."""
        fresh = time.monotonic() - self._loaded_at.get(clinic_id, -math.inf) < _RELOAD_AFTER_SECONDS
        versions = self._ciphers[clinic_id] if fresh else await self._load(clinic_id)
        if not versions:
            await self._add(clinic_id, version=1)
            versions = await self._load(clinic_id)
        version = max(versions)
        return version, versions[version]

    async def version(self, clinic_id: str, version: int) -> AESGCM:
        """The cipher of one version. Raises `Undecryptable` when there is no such key."""
        cipher = self._ciphers.get(clinic_id, {}).get(version)
        if cipher is None:  # perhaps another process has rotated
            cipher = (await self._load(clinic_id)).get(version)
        if cipher is None:
            raise Undecryptable(f"There is no data key {version} of {clinic_id}")
        return cipher

    async def rotate(self, clinic_id: str) -> int:
        """Make a new data key for what is encrypted from now on; old ones still decrypt. Returns its version."""
        version = max(await self._load(clinic_id), default=0) + 1
        await self._add(clinic_id, version)
        await self._load(clinic_id)
        return version

    async def rewrap_all(self, clinic_id: str) -> int:
        """Wrap the clinic's data keys with the active key-encryption key; returns how many were not yet."""
        stale = [key for key in await self._store.of_clinic(clinic_id) if key.key != self._wrapper.active_key]
        for old in stale:
            data_key = await self._wrapper.unwrap(old.key, old.wrapped, _bound_to(clinic_id, old.version))
            await self._store.rewrap(old, await self._wrapped(clinic_id, old.version, data_key))
        return len(stale)

    async def _load(self, clinic_id: str) -> Mapping[int, AESGCM]:
        async with self._loading:
            self._ciphers[clinic_id] = {
                key.version: AESGCM(await self._wrapper.unwrap(key.key, key.wrapped, _bound_to(clinic_id, key.version)))
                for key in await self._store.of_clinic(clinic_id)
            }
            self._loaded_at[clinic_id] = time.monotonic()
            return self._ciphers[clinic_id]

    async def _add(self, clinic_id: str, version: int) -> None:
        data_key = secrets.token_bytes(_KEY_BYTES)
        await self._store.add(await self._wrapped(clinic_id, version, data_key))  # second place: use the first's

    async def _wrapped(self, clinic_id: str, version: int, data_key: bytes) -> WrappedKey:
        active = self._wrapper.active_key
        wrapped = await self._wrapper.wrap(data_key, _bound_to(clinic_id, version))
        return WrappedKey(clinic_id, version, active, wrapped)


def _bound_to(clinic_id: str, version: int) -> str:
    return bound_text("data_key", clinic_id, str(version))
