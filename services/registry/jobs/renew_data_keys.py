"""Give every clinic a new data key."""

from typing import Protocol


class Rotation(Protocol):
    """What jobs need of key rotation."""

    async def clinics(self) -> list[str]: ...
    async def renew(self, clinic_id: str) -> None: ...
    async def rewrap(self, clinic_id: str) -> int: ...


async def renew_data_keys(rotation: Rotation) -> None:
    """What is encrypted already is re-encrypted by `rewrap_fields`; begun again after a crash, some keys are newer
    still, which harms nobody."""
    for clinic_id in await rotation.clinics():
        await rotation.renew(clinic_id)
