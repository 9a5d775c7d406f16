"""The composition root: the only place where the registry's real parts are chosen."""

from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from libs.common.crypto.data_keys import DATA_KEYS
from libs.common.crypto.fields import FieldCrypto
from libs.common.crypto.keyring import Keyring
from libs.common.crypto.rotation import KeyRotation, SealedCollection
from libs.common.errors import Misconfigured
from libs.common.messaging.events import Envelope
from libs.common.mongo.database import Database
from libs.common.resilience.http_client import OutboundClient
from libs.common.runtime import Runtime
from libs.common.security.caller import Caller, system_caller
from libs.common.subjects import SubjectDirectory, SubjectOwner
from libs.contracts.auth_api import AuthDirectory, account_id
from services.registry.adapters.clinics import ClinicsOfAuth
from services.registry.api.looks import RecentLooks
from services.registry.consumers.on_auth import CLINICS
from services.registry.domain.errors import ClinicUnknown
from services.registry.persistence.documents import DOCUMENTS, PatientDocument
from services.registry.persistence.own_patients import OwnPatients
from services.registry.persistence.repositories import MongoRegistryTx, PatientRepository
from services.registry.persistence.sealing import KEY_VERSION
from services.registry.persistence.search_keys import SearchKeys
from services.registry.settings import RegistrySettings

_SEALED = SealedCollection(
    PatientDocument.Settings.name, {field: field for field in PatientRepository.sealed}, key_version=KEY_VERSION
)


class RegistryRuntime(Runtime[MongoRegistryTx]):
    """The kernel's runtime with field encryption, and a directory of clinics. Its subjects are its own patients."""

    crypto: FieldCrypto
    rotation: KeyRotation
    search_keys: SearchKeys

    def __init__(self, settings: RegistrySettings, *, clinics: SubjectOwner | None = None, **parts: Any) -> None:
        super().__init__(
            settings,
            make_tx=self._make_tx,
            documents=DOCUMENTS,
            **parts,
        )
        self._keyring = settings.field_keyring
        self._account_of = lru_cache(maxsize=10_000)(partial(account_id, key=settings.account_pseudonym_key))
        self._has_account_key = bool(settings.account_pseudonym_key.get_secret_value())
        self.subjects = OwnPatients(self.db)
        self.clinics = SubjectDirectory(self.db, clinics or _auth(self), missing=ClinicUnknown, collection=CLINICS)
        self.looks = RecentLooks()

    async def start(self) -> None:
        """Without its secrets the registry does not start; making the app, for its OpenAPI, needs none."""
        if not self._has_account_key:
            raise Misconfigured("ACCOUNT_PSEUDONYM_KEY is not set: accounts would be guessable")
        self.crypto = FieldCrypto.with_mongo(Keyring.parse(self._keyring.get_secret_value()), self.db[DATA_KEYS])
        self.rotation = KeyRotation(self.db, self.crypto, _SEALED)
        self.search_keys = SearchKeys(self.db, self._patients_everywhere)
        await super().start()

    def _patients_everywhere(self) -> PatientRepository:
        caller = system_caller("registry", None)
        return PatientRepository(self._make_tx(self.db, actor=caller, now=self.clock.now(), cause=None), self.crypto)

    def _make_tx(self, db: Database, *, actor: Caller, now: datetime, cause: Envelope | None) -> MongoRegistryTx:
        return MongoRegistryTx(db, actor=actor, now=now, cause=cause, crypto=self.crypto, account_of=self._account_of)


def _auth(runtime: Runtime[Any]) -> SubjectOwner:
    token = runtime.service_tokens.for_audience("auth")
    return ClinicsOfAuth(AuthDirectory(OutboundClient("auth", str(runtime.settings.auth_url), token=token)))


def registry(settings: RegistrySettings | None = None) -> RegistryRuntime:
    """Everything a process of this service runs on."""
    return RegistryRuntime(settings or RegistrySettings())
