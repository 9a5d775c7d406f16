"""auth's internal API as other services see it: who works where, which code goes to which phone, which account."""

from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr

from libs.common.crypto.keyring import pseudonym
from libs.common.resilience.http_client import OutboundClient, UpstreamRejected
from libs.common.subjects import Subject

_NOT_THERE = (404, 422)


def account_id(phone: str, key: SecretStr) -> str:
    """The account (`acc_...`) of an E.164 number; the same wherever `key` (ACCOUNT_PSEUDONYM_KEY) is the same."""
    return pseudonym(key.get_secret_value().encode(), phone, prefix="acc")


class StaffMember(BaseModel):
    """`GET /internal/staff/{user_id}`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    clinic_id: str
    role: str
    display_name: str
    active: bool
    seq: int = 0


class ClinicDetails(BaseModel):
    """`GET /internal/clinics/{clinic_id}`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: str
    zone: str


class OtpDelivery(BaseModel):
    """`GET /internal/otp-challenges/{challenge_id}/delivery`: only for notifications, only while the code is good."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    challenge_id: str
    phone: str
    code: str
    language: str
    expires_at: datetime


class AuthDirectory:
    """What may be asked of auth. `client` carries a service token for auth. None: there is no such thing any more."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    async def staff(self, user_id: str) -> StaffMember | None:
        body = await self._get(f"/internal/staff/{quote(user_id, safe='')}")
        return None if body is None else StaffMember.model_validate_json(body)

    async def clinic(self, clinic_id: str) -> ClinicDetails | None:
        body = await self._get(f"/internal/clinics/{quote(clinic_id, safe='')}")
        return None if body is None else ClinicDetails.model_validate_json(body)

    async def otp_delivery(self, challenge_id: str) -> OtpDelivery | None:
        body = await self._get(f"/internal/otp-challenges/{quote(challenge_id, safe='')}/delivery")
        return None if body is None else OtpDelivery.model_validate_json(body)

    async def _get(self, path: str) -> bytes | None:
        try:
            return (await self._client.request("GET", path)).content
        except UpstreamRejected as refused:
            if refused.upstream_status in _NOT_THERE:
                return None
            raise


class StaffDirectoryOwner:
    """A `SubjectOwner` for staff in one role: doctors, for scheduling. `client` carries a token for auth."""

    def __init__(self, client: OutboundClient, role: str) -> None:
        self._auth = AuthDirectory(client)
        self._role = role

    async def subject(self, subject_id: str) -> Subject | None:
        member = await self._auth.staff(subject_id)
        if member is None or member.role != self._role:
            return None
        return Subject(id=member.id, clinic_id=member.clinic_id, active=member.active, seq=member.seq)

    async def subjects_of(self, account_id: str) -> list[Subject]:
        """Nobody acts for staff."""
        return []
