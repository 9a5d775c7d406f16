"""auth's internal API as other services see it: who works where."""

from pydantic import BaseModel, ConfigDict

from libs.common.resilience.http_client import OutboundClient, UpstreamRejected
from libs.common.subjects import Subject


class StaffMember(BaseModel):
    """`GET /internal/staff/{user_id}`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    clinic_id: str
    role: str
    display_name: str
    active: bool
    seq: int = 0


class StaffDirectoryOwner:
    """A `SubjectOwner` for staff in one role: doctors, for scheduling. `client` carries a token for auth."""

    def __init__(self, client: OutboundClient, role: str) -> None:
        self._client = client
        self._role = role

    async def subject(self, subject_id: str) -> Subject | None:
        try:
            response = await self._client.request("GET", f"/internal/staff/{subject_id}")
        except UpstreamRejected as refused:
            if refused.upstream_status in (404, 422):
                return None
            raise
        member = StaffMember.model_validate_json(response.content)
        if member.role != self._role:
            return None
        return Subject(id=member.id, clinic_id=member.clinic_id, active=member.active, seq=member.seq)

    async def subjects_of(self, account_id: str) -> list[Subject]:
        """Nobody acts for staff."""
        return []
