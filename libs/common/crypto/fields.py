"""Encrypting single fields of documents, so that a stolen database shows no person.

A stored value names its format and data key: `v1.3.<base64url>`. It opens only where it was put: clinic, collection,
document, field and key version are authenticated with it.
"""

import base64
import hmac
from typing import Any, NamedTuple

from pymongo.asynchronous.collection import AsyncCollection

from libs.common.crypto.data_keys import DataKeys, MongoDataKeys
from libs.common.crypto.keyring import Keyring, Undecryptable, bound_text, seal, unseal

_FORMAT = "v1"
_INDEX_BYTES = 16


class Place(NamedTuple):
    """Where an encrypted value lives."""

    clinic_id: str
    collection: str
    document_id: str
    field: str


class FieldCrypto:
    """Encrypts fields and makes blind indexes of them.

    crypto = FieldCrypto.with_mongo(Keyring.parse(...), database["data_keys"])
    stored = await crypto.encrypt("+919812345678", Place(clinic_id, "patients", patient_id, "phone"))
    index = crypto.blind_index(clinic_id, "phone", "+919812345678")
    """

    def __init__(self, keyring: Keyring, data_keys: DataKeys) -> None:
        self._keyring = keyring
        self.data_keys = data_keys
        self._index_keys: dict[tuple[str, str], bytes] = {}

    @classmethod
    def with_mongo(cls, keyring: Keyring, collection: AsyncCollection[dict[str, Any]]) -> "FieldCrypto":
        """With the local keyring, and wrapped data keys in `collection`."""
        return cls(keyring, DataKeys(MongoDataKeys(collection), keyring))

    async def encrypt(self, text: str, place: Place) -> str:
        """The value to store at `place`; the same text gives another value each time."""
        version, cipher = await self.data_keys.newest(place.clinic_id)
        return f"{_FORMAT}.{version}.{seal(cipher, text.encode(), _bound_to(place, version))}"

    async def decrypt(self, stored: str, place: Place) -> str:
        """The text that was encrypted for `place`. Raises `Undecryptable` for anything else."""
        version, sealed = _parts(stored)
        cipher = await self.data_keys.version(place.clinic_id, version)
        return unseal(cipher, sealed, _bound_to(place, version)).decode()

    async def needs_rewrap(self, stored: str, clinic_id: str) -> bool:
        """Whether the value was encrypted with an older data key than the clinic's newest."""
        newest, _ = await self.data_keys.newest(clinic_id)
        return _parts(stored)[0] != newest

    async def rewrap(self, stored: str, place: Place) -> str:
        """The same text, encrypted with the newest data key."""
        return await self.encrypt(await self.decrypt(stored, place), place)

    def blind_index(self, clinic_id: str, field: str, normalised: str) -> str:
        """22 characters that are equal where the normalised values are, within one clinic and field only."""
        key = self._index_keys.get((clinic_id, field))
        if key is None:
            key = self._index_keys[clinic_id, field] = self._keyring.derived_key("blind_index", clinic_id, field)
        digest = hmac.digest(key, normalised.encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:_INDEX_BYTES]).rstrip(b"=").decode()


def _bound_to(place: Place, version: int) -> str:
    return bound_text(_FORMAT, *place, str(version))


def _parts(stored: str) -> tuple[int, str]:
    """The data key's version and the sealed text."""
    layout, _, rest = stored.partition(".")
    version, _, sealed = rest.partition(".")
    if layout != _FORMAT or not version.isdecimal():
        raise Undecryptable("This is not an encrypted value of a known format")
    return int(version), sealed
