"""Bring what old keys have encrypted up to the newest ones, and wrap data keys with the active key."""

from libs.common.telemetry.logs import get_logger
from services.registry.jobs.renew_data_keys import Rotation

_log = get_logger(__name__)


async def rewrap_fields(rotation: Rotation) -> int:
    """All clinics, one after the other; returns how many patients were re-encrypted. Safe to run at any time."""
    total = 0
    for clinic_id in await rotation.clinics():
        count = await rotation.rewrap(clinic_id)
        if count:
            _log.info("fields re-encrypted", clinic_id=clinic_id, count=count)
        total += count
    return total
