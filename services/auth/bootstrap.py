"""The composition root: the only place where auth's real parts are chosen."""

import asyncio
from typing import Any

from pymongo.errors import PyMongoError

from libs.common.crypto.data_keys import DATA_KEYS
from libs.common.crypto.fields import FieldCrypto
from libs.common.crypto.keyring import Keyring, generate_keyring
from libs.common.crypto.rotation import KeyRotation
from libs.common.errors import Misconfigured
from libs.common.runtime import Runtime
from libs.common.security.tokens import KeySource, Revocations
from libs.common.telemetry.logs import get_logger
from services.auth.adapters.access_tokens import AccessTokens
from services.auth.adapters.counters import Counters
from services.auth.adapters.digests import Digests
from services.auth.adapters.ended_sessions import EndedSessions
from services.auth.adapters.known_secrets import ServiceSecrets
from services.auth.adapters.limits import Limits
from services.auth.adapters.one_time_codes import OneTimeCodes
from services.auth.adapters.passwords import Passwords
from services.auth.adapters.refresh_tokens import RefreshTokens
from services.auth.adapters.second_factors import SecondFactors
from services.auth.adapters.signing_keys import StoredSigningKeys
from services.auth.adapters.staff_phones import StaffPhones
from services.auth.jobs.rotate_keys import rotate_keys
from services.auth.persistence.documents import DOCUMENTS, SEALED_USERS
from services.auth.persistence.guesses import Guesses
from services.auth.persistence.repositories import MongoAuthTx
from services.auth.settings import AuthSettings

_REFRESHED_EVERY = 10.0
_log = get_logger(__name__)


class AuthRuntime(Runtime[MongoAuthTx]):
    """The kernel's runtime, which verifies tokens with keys of our own, and what logging in takes."""

    settings: AuthSettings

    def __init__(self, settings: AuthSettings, **parts: Any) -> None:
        given = settings.field_keyring.get_secret_value()
        self.keyring = Keyring.parse(given or generate_keyring())  # `start` refuses the second kind
        super().__init__(settings, make_tx=MongoAuthTx, documents=DOCUMENTS, key_sources=self._own_key_sources, **parts)
        digests = Digests(self.keyring)
        fields = FieldCrypto.with_mongo(self.keyring, self.db[DATA_KEYS])
        self.rotation = KeyRotation(self.db, fields, SEALED_USERS)
        self.counters = Counters(self.redis, self.db, self.clock, digests)
        self.limits = Limits(self.counters, settings)
        self.guesses = Guesses(self.db, self.clock)
        self.codes = OneTimeCodes(fields, digests)
        self.second_factors = SecondFactors(fields, digests, self.clock)
        self.staff_phones = StaffPhones(fields)
        self.passwords = Passwords(settings.password_threads)
        self.refresh_tokens = RefreshTokens(digests)
        self.access_tokens = AccessTokens(self.signing_keys, self.clock, settings.token_issuer)
        self.service_secrets = ServiceSecrets(settings.auth_service_secrets)

    async def start(self) -> None:
        self._refuse_missing_secrets()
        await super().start()
        if not self.settings.mongodb_skip_indexes:
            await self.counters.build_indexes()
        await self.rotate_signing_keys()
        await self.ended_sessions.refresh()
        self._background.append(asyncio.create_task(self._keep_fresh()))

    async def stop(self) -> None:
        await super().stop()
        self.passwords.close()

    async def rotate_signing_keys(self) -> None:
        """Make the first keys, hand over to the next one when it is time, and know the outcome."""
        await rotate_keys(self.transact, self.keyring, self.clock, self.settings)
        await self.signing_keys.load()

    def _own_key_sources(self, _runtime: Runtime[Any]) -> tuple[KeySource, Revocations]:
        self.signing_keys = StoredSigningKeys(self.db, self.keyring)
        self.ended_sessions = EndedSessions(self.db, self.clock)
        return self.signing_keys, self.ended_sessions

    def _refuse_missing_secrets(self) -> None:
        for name in ("field_keyring", "account_pseudonym_key"):
            if not getattr(self.settings, name).get_secret_value():
                raise Misconfigured(f"{name.upper()} is not set: what is stored could not be read again")

    async def _keep_fresh(self) -> None:
        """Other replicas make keys and end sessions too. While storage is away the last answers stay in force."""
        while True:
            await asyncio.sleep(_REFRESHED_EVERY)
            try:
                await self.signing_keys.load()
                await self.ended_sessions.refresh()
            except PyMongoError as error:
                _log.warning("keys and sessions not refreshed", error_type=type(error).__name__)


def auth(settings: AuthSettings | None = None) -> AuthRuntime:
    """Everything a process of this service runs on."""
    return AuthRuntime(settings or AuthSettings())
