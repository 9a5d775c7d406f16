"""The running parts of one service process, made by its `bootstrap.py`, started and stopped as one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import httpx
from beanie import Document
from pymongo.errors import PyMongoError
from redis.asyncio import Redis

from libs.common.clock import Clock, SystemClock
from libs.common.errors import NotFound
from libs.common.messaging.outbox import STANDALONE_COLLECTION, OutboxWaker
from libs.common.mongo.database import CODEC, collection_name, connect, init_documents
from libs.common.mongo.transact import Transactor, TxFactory
from libs.common.mongo.tx import Tx
from libs.common.resilience.locks import Locks, connect_redis
from libs.common.security.published import PublishedKeys, RevokedSessions, keep_fresh
from libs.common.security.service_tokens import ServiceTokens
from libs.common.security.tokens import KeySource, Revocations, TokenVerifier
from libs.common.settings import ServiceSettings
from libs.common.subjects import SubjectDirectory, SubjectOwner
from libs.common.telemetry.logs import setup_logging
from libs.common.telemetry.tracing import setup_tracing

T = TypeVar("T", bound=Tx)


class Runtime(Generic[T]):
    """Connections, token verification, `transact`. Services that need more subclass it in their bootstrap.

    documents   the Beanie classes this service stores
    once_in     those of them whose inserts carry an Idempotency-Key (see libs.common.mongo.once): only where a keyed
                request always inserts exactly one, since a key in a row and one in a document do not see each other
    subjects    who to ask about subjects of record; None for services that know none
    key_sources keys and revocations, for auth, which holds them itself; all others get them from auth
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        make_tx: TxFactory[T],
        documents: Sequence[type[Document]],
        once_in: Sequence[type[Document]] = (),
        subjects: "Callable[[Runtime[Any]], SubjectOwner] | None" = None,
        missing_subject: type[NotFound] = NotFound,
        key_sources: "Callable[[Runtime[Any]], tuple[KeySource, Revocations]] | None" = None,
        clock: Clock | None = None,
        database: str | None = None,
    ) -> None:
        setup_logging(settings.service_name, settings.log_level)
        setup_tracing(settings.service_name, settings)  # before the MongoDB client, which it listens to
        self.settings = settings
        self.clock = clock or SystemClock()
        self._documents = documents
        self._once_in = once_in
        self._background: list[asyncio.Task[None]] = []
        self._stopping = False
        self.client = connect(settings)
        self.db = self.client.get_database(database or settings.database_name, codec_options=CODEC)
        self.redis = connect_redis(str(settings.redis_url))
        self.http = httpx.AsyncClient(timeout=httpx.Timeout(3.0))
        self._wakes = Redis.from_url(str(settings.redis_url))  # a subscriber waits: no socket timeout here
        self.waker = OutboxWaker(self.db.name, self._wakes)
        self.service_tokens = ServiceTokens(settings, self.http)
        self.keys, self.revocations = key_sources(self) if key_sources else self._published_by_auth()
        self.verifier = TokenVerifier(
            self.keys, self.revocations, issuer=settings.token_issuer, service=settings.service_name
        )
        self.transact: Transactor[T] = Transactor(
            self.db,
            make_tx,
            service=settings.service_name,
            clock=self.clock,
            locks=Locks(self.redis),
            waker=self.waker,
            once_in=self.once_in,
        )
        self.subjects: SubjectDirectory | None = None
        if subjects is not None:
            self.subjects = SubjectDirectory(self.db, subjects(self), missing=missing_subject)

    @property
    def once_in(self) -> list[str]:
        """The collections whose documents may carry an Idempotency-Key."""
        return [collection_name(document) for document in self._once_in]

    @property
    def carriers(self) -> list[str]:
        """The collections whose documents may carry outbox items."""
        return [STANDALONE_COLLECTION, *(collection_name(document) for document in self._documents)]

    async def start(self) -> None:
        """Connect, build what is missing, and begin the background refreshes."""
        await init_documents(
            self.db, self._documents, skip_indexes=self.settings.mongodb_skip_indexes, once_in=self._once_in
        )
        if self.subjects is not None and not self.settings.mongodb_skip_indexes:
            await self.subjects.build_indexes()
        if isinstance(self.keys, PublishedKeys) and isinstance(self.revocations, RevokedSessions):
            self._background.append(asyncio.create_task(keep_fresh(self.keys, self.revocations)))

    async def stop(self) -> None:
        """Let go of everything; in-flight requests have ended by now."""
        self._stopping = True
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.waker.close()
        await self.http.aclose()
        await self._wakes.aclose()
        await self.redis.aclose()
        await self.client.close()

    async def readiness(self) -> dict[str, str]:
        """What must work before this process may take requests."""
        checks = {"storage": "ok", "keys": "ok"}
        if self._stopping:
            checks["process"] = "stopping"
        try:
            await self.db.command("ping")
        except PyMongoError as error:
            checks["storage"] = type(error).__name__
        if isinstance(self.keys, PublishedKeys) and not self.keys.loaded:
            checks["keys"] = "not loaded yet"
        return checks

    def _published_by_auth(self) -> tuple[KeySource, Revocations]:
        base = str(self.settings.auth_url).rstrip("/")
        return (
            PublishedKeys(f"{base}/.well-known/jwks.json", self._fetch),
            RevokedSessions(f"{base}/.well-known/revoked-sessions", self._fetch),
        )

    async def _fetch(self, url: str) -> bytes:
        response = await self.http.get(url)
        response.raise_for_status()
        return response.content
