"""Which of several replicas does what only one may do: a row in MongoDB that its holder must keep renewing."""

import asyncio
from datetime import timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from libs.common.clock import Clock

LEASES = "leases"


class Lease:
    """A named lease. `hold()` before each step that only the holder may take; no step may last `ttl` seconds / 2."""

    def __init__(
        self, collection: AsyncCollection[dict[str, Any]], name: str, *, holder: str, ttl: float, clock: Clock
    ) -> None:
        self._collection = collection
        self._name = name
        self._holder = holder
        self._ttl = ttl
        self._clock = clock
        self._held = False
        self._ask_at = 0.0

    async def hold(self) -> bool:
        """Whether the lease is ours: taken if it was free or had lapsed, renewed when a third of it is used up."""
        asked_at = asyncio.get_running_loop().time()
        if asked_at < self._ask_at:
            return self._held
        now = self._clock.now()
        ours_or_lapsed = {"_id": self._name, "$or": [{"holder": self._holder}, {"until": {"$lte": now}}]}
        claim = {"$set": {"holder": self._holder, "until": now + timedelta(seconds=self._ttl)}}
        self._held = False
        try:
            await self._collection.update_one(ours_or_lapsed, claim, upsert=True)
        except DuplicateKeyError:  # the row is there and is somebody else's
            self._ask_at = asked_at + self._ttl / 10
        else:
            self._held = True
            self._ask_at = asked_at + self._ttl / 3
        return self._held

    async def release(self) -> None:
        """Let another take it at once."""
        self._held, self._ask_at = False, 0.0
        await self._collection.delete_one({"_id": self._name, "holder": self._holder})
