"""Which sessions ended while an access token of theirs may still live: what every verifier asks for."""

from libs.common.clock import Clock
from libs.common.mongo.database import Database
from libs.common.security.caller import CallerKind
from libs.common.telemetry.logs import get_logger
from services.auth.domain.session import LONGEST_LISTED
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
        """Staff before patients and those that ended last first, should there ever be too many to list."""
        ids = [*await self._ended("staff"), *await self._ended("account")][:MOST_LISTED]
        if len(ids) == MOST_LISTED:
            _log.error("more ended sessions than are listed", count=MOST_LISTED)
        return ids

    async def _ended(self, kind: CallerKind) -> list[str]:
        now = self._clock.now()
        listed = {"kind": kind, "ended_at": {"$gt": now - LONGEST_LISTED}, "listed_until": {"$gt": now}}
        ended = self._collection.find(listed, {"_id": 1}).sort("ended_at", -1).limit(MOST_LISTED)
        return [row["_id"] async for row in ended]
