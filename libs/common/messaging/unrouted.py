"""Messages nobody is bound to yet: they must neither be lost nor hold up the messages behind them.

The broker returns them (`mandatory`), and they move to a collection of their own in the same database, where not
even a broker that lost its data can lose them. From then on, messages of that routing key queue up behind them. One
is tried every few seconds, and once a binding appears they all go out, in order. After 30 days they are given up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aio_pika.exceptions import PublishError
from pymongo import ASCENDING, ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from libs.common.clock import Clock
from libs.common.messaging.outbox import UNROUTED_COLLECTION
from libs.common.telemetry.logs import get_logger

_log = get_logger(__name__)

Row = dict[str, Any]
Route = tuple[str, str]


class Unrouted:
    """What the relay of one database could not route. `forget()` whenever another relay may have changed it."""

    def __init__(self, db: AsyncDatabase[Row], *, clock: Clock, retry_seconds: float) -> None:
        self._rows = db[UNROUTED_COLLECTION]
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._routes: set[Route] | None = None
        self._tried_at = 0.0

    def forget(self) -> None:
        """Read from the database again which routes are blocked, at the next `retry`."""
        self._routes = None

    def blocks(self, item: Row) -> bool:
        """Whether older messages of the same route wait here, so that this one must wait behind them."""
        return self._routes is not None and _route(item) in self._routes

    async def keep(self, items: Sequence[Row]) -> None:
        """Store outbox items that came back; call it before they leave their documents."""
        now = self._clock.now()
        rows = [
            {"_id": i["id"], "exchange": i["exchange"], "key": i["key"], "body": i["body"], "at": now} for i in items
        ]
        await self._rows.bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows])
        known = self._routes or set()
        new = {_route(item) for item in items} - known
        self._routes = known | new
        for _, key in new:
            _log.warning("nobody is bound to these messages, they are kept", routing_key=key)

    async def retry(self, publish: Callable[[Row], Awaitable[bool]]) -> int:
        """Try the oldest message of each blocked route, and the rest of the route if it has a listener now; how many
        went out. `publish` raises PublishError when there is none, and returns False to stop it all."""
        if self._routes is None:
            groups = await self._rows.aggregate([{"$group": {"_id": {"exchange": "$exchange", "key": "$key"}}}])
            self._routes = {_route(group["_id"]) async for group in groups}
        now = asyncio.get_running_loop().time()
        if not self._routes or now - self._tried_at < self._retry_seconds:
            return 0
        self._tried_at = now
        count = 0
        for route in sorted(self._routes):
            async with self._rows.find({"exchange": route[0], "key": route[1]}).sort("_id", ASCENDING) as rows:
                async for row in rows:
                    try:
                        if not await publish({**row, "id": row["_id"]}):
                            return count
                    except PublishError:
                        break
                    await self._rows.delete_one({"_id": row["_id"]})
                    count += 1
                else:
                    self._routes.discard(route)
        return count


def _route(item: Row) -> Route:
    return item["exchange"], item["key"]
