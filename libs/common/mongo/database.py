"""Connecting to MongoDB, and building the indexes every database of the platform needs."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from enum import Enum
from typing import Any

from beanie import Document, init_beanie
from bson.codec_options import CodecOptions, TypeRegistry
from pymongo import ASCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from libs.common.jobs import JOB_RUN_INDEXES, JOB_RUNS
from libs.common.messaging.outbox import (
    OUTBOX_INDEX,
    STANDALONE_COLLECTION,
    UNROUTED_COLLECTION,
    UNROUTED_INDEXES,
)
from libs.common.settings import ServiceSettings

Raw = dict[str, Any]
Database = AsyncDatabase[Raw]

INBOX = "inbox"
IDEMPOTENCY_KEYS = "idempotency_keys"

ONCE_INDEX = IndexModel([("once.key", ASCENDING)], name="once_key", unique=True, sparse=True)
INBOX_KEPT = timedelta(days=90)
"""Longer than the dead queue keeps its messages (30 days), so that a late replay is still recognised."""
IDEMPOTENCY_KEPT = timedelta(hours=24)


def _encode_for_bson(value: Any) -> Any:
    """Values pydantic models hold and BSON does not know."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value


CODEC: CodecOptions[Raw] = CodecOptions(
    document_class=dict, tz_aware=True, type_registry=TypeRegistry(fallback_encoder=_encode_for_bson)
)


def connect(settings: ServiceSettings) -> AsyncMongoClient[Raw]:
    """A client whose calls fail within seconds, not minutes, when the server is away."""
    return AsyncMongoClient(
        settings.mongodb_url.get_secret_value(),
        appname=settings.service_name,
        tz_aware=True,
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        maxPoolSize=100,
        waitQueueTimeoutMS=5_000,
    )


async def init_documents(
    db: Database,
    documents: Sequence[type[Document]],
    *,
    skip_indexes: bool,
    once_in: Sequence[type[Document]] = (),
) -> None:
    """Bind the Beanie classes to `db`; build their indexes and the kernel's unless a migration job did."""
    await init_beanie(db, document_models=list(documents), skip_indexes=skip_indexes)
    if skip_indexes:
        return
    for document in documents:
        extra = [OUTBOX_INDEX, ONCE_INDEX] if document in once_in else [OUTBOX_INDEX]
        await db[collection_name(document)].create_indexes(extra)
    await db[STANDALONE_COLLECTION].create_indexes([OUTBOX_INDEX])
    await db[UNROUTED_COLLECTION].create_indexes(list(UNROUTED_INDEXES))
    await db[JOB_RUNS].create_indexes(list(JOB_RUN_INDEXES))
    for name, kept in ((INBOX, INBOX_KEPT), (IDEMPOTENCY_KEYS, IDEMPOTENCY_KEPT)):
        await db[name].create_indexes(
            [IndexModel([("at", ASCENDING)], name="expires", expireAfterSeconds=int(kept.total_seconds()))]
        )


def collection_name(document: type[Document]) -> str:
    """The collection a Beanie class is stored in, whether or not Beanie has been initialised."""
    return str(getattr(getattr(document, "Settings", None), "name", document.__name__))
