"""A clinic: its name, where it lives, and who answers for it."""

from libs.common.aggregate import Aggregate
from services.auth.domain.errors import LastAdmin

PLATFORM = ""
"""The `clinic_id` of what belongs to no clinic: patients' accounts, codes sent to phones, signing keys."""


class Clinic(Aggregate):
    """Its id is its `clinic_id`. `admin_ids` are the active administrators: kept here, so that two of them who leave
    at the same moment meet in one document and one of them stays."""

    name: str
    zone: str = "Asia/Kolkata"
    gstin: str | None = None
    admin_ids: list[str] = []

    def admit_admin(self, user_id: str) -> None:
        if user_id not in self.admin_ids:
            self.admin_ids = [*self.admin_ids, user_id]

    def release_admin(self, user_id: str) -> None:
        """Raises `LastAdmin` when nobody would be left."""
        others = [admin for admin in self.admin_ids if admin != user_id]
        if not others:
            raise LastAdmin
        self.admin_ids = others
