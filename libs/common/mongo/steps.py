"""The writes of one commit: alone where one suffices, in a MongoDB transaction where there are several."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure, PyMongoError

from libs.common.errors import Unavailable
from libs.common.mongo.database import Database, Raw
from libs.common.mongo.tx import StagedWrite

Step = Callable[[AsyncClientSession | None], Awaitable[None]]

_TRANSACTION_SECONDS = 5.0  # the driver's own patience with an outage is two minutes; the gateway's is ten seconds


class StaleRevision(Exception):
    """A staged update found another revision than the one it was made from. Run the use case again."""


class StorageUnavailable(Unavailable):
    """The database did not answer in time."""

    code = "storage_unavailable"
    title = "Storage is not available right now"


async def commit_all(db: Database, steps: Sequence[Step]) -> None:
    """All of them or none. Raises `StaleRevision` after a conflict, `StorageUnavailable` when a transaction does not
    come to its end in time: then it may have been committed or not, and a repeat with the same key finds out."""
    if len(steps) == 1:
        await steps[0](None)
    elif steps:

        async def run_all(session: AsyncClientSession) -> None:
            for step in steps:
                await step(session)

        try:
            with pymongo.timeout(_TRANSACTION_SECONDS):
                async with db.client.start_session() as session:
                    await session.with_transaction(run_all)
        except PyMongoError as error:
            if error.timeout:
                raise StorageUnavailable from error
            if isinstance(error, OperationFailure) and error.has_error_label("TransientTransactionError"):
                raise StaleRevision from error
            raise


def staged_step(db: Database, write: StagedWrite, items: list[Raw], key: Raw | None, now: datetime) -> Step:
    """What a repository staged, with the messages and the request's key that travel in the same document."""
    if write.before is None:
        document = {**write.document}
        if items:
            document |= {"outbox": items, "outbox_at": now}
        if key is not None:
            document["once"] = key
        return insert_step(db, write.collection, document)
    fields = {name: value for name, value in write.document.items() if name != "_id"}
    change: Raw = {"$set": fields}
    if items:
        change |= {"$push": {"outbox": {"$each": items}}, "$min": {"outbox_at": now}}
    guard = {"_id": write.aggregate.id, "revision": write.before["revision"]}

    async def update(session: AsyncClientSession | None) -> None:
        done = await db[write.collection].update_one(guard, change, session=session)
        if done.matched_count == 0:
            raise StaleRevision

    return update


def insert_step(db: Database, collection: str, document: Raw) -> Step:
    async def insert(session: AsyncClientSession | None) -> None:
        await db[collection].insert_one(document, session=session)

    return insert


def upsert_step(db: Database, collection: str, match: Raw, change: Raw) -> Step:
    async def upsert(session: AsyncClientSession | None) -> None:
        await db[collection].update_one(match, change, upsert=True, session=session)

    return upsert
