"""Staff members' phone numbers, encrypted for storage."""

from libs.common.crypto.fields import FieldCrypto, Place
from services.auth.domain.user import User


class StaffPhones:
    def __init__(self, fields: FieldCrypto) -> None:
        self._fields = fields

    async def seal(self, phone: str, *, clinic_id: str, user_id: str) -> str:
        return await self._fields.encrypt(phone, _place(clinic_id, user_id))

    async def of(self, user: User) -> str | None:
        return None if user.phone is None else await self._fields.decrypt(user.phone, _place(user.clinic_id, user.id))


def _place(clinic_id: str, user_id: str) -> Place:
    return Place(clinic_id, "users", user_id, "phone")
