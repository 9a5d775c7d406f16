"""Which clinics there are, asked of auth for those no event has told of."""

from libs.common.subjects import Subject
from libs.contracts.auth_api import AuthDirectory


class ClinicsOfAuth:
    """A `SubjectOwner` for clinics: each is its own tenant."""

    def __init__(self, auth: AuthDirectory) -> None:
        self._auth = auth

    async def subject(self, subject_id: str) -> Subject | None:
        clinic = await self._auth.clinic(subject_id)
        return None if clinic is None else Subject(id=clinic.id, clinic_id=clinic.id)

    async def subjects_of(self, account_id: str) -> list[Subject]:
        """Nobody acts for a clinic."""
        return []
