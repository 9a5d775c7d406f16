"""Looks of staff at patients go on record before they are answered; opening one five times is one look."""

from collections.abc import Sequence

from cachetools import TTLCache

from libs.common.mongo.transact import Transactor
from libs.common.security.caller import Caller
from libs.common.security.permissions import Permission
from services.registry.domain.patient import Patient
from services.registry.use_cases.ports import RegistryTx
from services.registry.use_cases.view_patient import RecordLooks, record_looks

ONE_LOOK_SECONDS = 300.0


class RecentLooks:
    """Knows what was put on record a moment ago. Per process: with several, or after a restart, a look may be
    recorded again, never too rarely."""

    def __init__(self, seconds: float = ONE_LOOK_SECONDS) -> None:
        self._recorded: TTLCache[tuple[str, str | None, str, str], bool] = TTLCache(maxsize=50_000, ttl=seconds)

    async def put_on_record(
        self, action: Permission, patients: Sequence[Patient], *, by: Caller, transact: Transactor[RegistryTx]
    ) -> None:
        """Commit an entry for each that has none of this action and session yet. Accounts look at their own."""
        if by.kind == "account":
            return
        looks = {(by.id, by.session_id, action.name, patient.id): patient for patient in patients}
        new = {look: patient for look, patient in looks.items() if look not in self._recorded}
        if new:
            await transact(record_looks, RecordLooks(action=action, patients=list(new.values())), by=by)
            self._recorded.update(dict.fromkeys(new, True))
