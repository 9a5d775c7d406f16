"""Which looks at records were put on record a moment ago, so that opening one five times is one look."""

from cachetools import TTLCache

from libs.common.security.caller import Caller

ONE_LOOK_SECONDS = 300.0


class RecentLooks:
    """Per process: with several, or after a restart, a look may be recorded again, never too rarely."""

    def __init__(self, seconds: float = ONE_LOOK_SECONDS) -> None:
        self._recorded: TTLCache[tuple[str, str | None, str], bool] = TTLCache(maxsize=50_000, ttl=seconds)

    def is_recorded(self, caller: Caller, patient_id: str) -> bool:
        return (caller.id, caller.session_id, patient_id) in self._recorded

    def recorded(self, caller: Caller, patient_id: str) -> None:
        """Call it when the entry is committed."""
        self._recorded[caller.id, caller.session_id, patient_id] = True
