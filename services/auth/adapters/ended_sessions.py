"""Which sessions ended while an access token of theirs may still live: what every verifier asks for."""

from libs.common.clock import Clock
from libs.common.mongo.database import Database
from libs.common.telemetry.logs import get_logger
from services.auth.persistence.documents import SessionDocument

MOST_LISTED = 20_000
_log = get_logger(__name__)


class EndedSessions:
    """`Revocations` over our own collection."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._collection = db[SessionDocument.Settings.name]
        self._clock = clock
        self._ids: frozenset[str] = frozenset()

    def is_revoked(self, session_id: str) -> bool:
        return session_id in self._ids

    async def refresh(self) -> None:
        self._ids = frozenset(await self.listed())

    async def listed(self) -> list[str]:
        """Those that ended last come first, should there ever be too many to list."""
        ended = self._collection.find({"listed_until": {"$gt": self._clock.now()}}, {"_id": 1})
        ids = [row["_id"] async for row in ended.sort("listed_until", -1).limit(MOST_LISTED)]
        if len(ids) == MOST_LISTED:
            _log.error("more ended sessions than are listed", count=MOST_LISTED)
        return ids
