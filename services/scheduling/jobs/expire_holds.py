"""Give back the slots of holds that nobody confirmed in time."""

from libs.common.errors import Problem
from libs.common.runtime import Runtime
from libs.common.security.caller import system_caller
from libs.common.telemetry.logs import get_logger
from services.scheduling.use_cases.expire_hold import ExpireHold, expire_hold
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.queries import ExpiredHolds, expired_holds

_log = get_logger(__name__)


async def expire_due_holds(runtime: Runtime[SchedulingTx]) -> int:
    """Expire what has run out; returns how many. One that was confirmed meanwhile is left as it is."""
    everywhere = system_caller("scheduling", None)
    done = 0
    for hold in await runtime.transact.read(expired_holds, ExpiredHolds(), by=everywhere):
        try:
            command = ExpireHold(appointment_id=hold.id)
            await runtime.transact(expire_hold, command, by=system_caller("scheduling", hold.clinic_id))
            done += 1
        except Problem as refused:
            _log.info("hold left as it is", code=refused.code, aggregate_id=hold.id)
    return done
