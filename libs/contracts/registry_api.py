"""The registry's internal API as other services see it: who may act for a patient, and how to reach one."""

from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from libs.common.resilience.http_client import OutboundClient, UpstreamRejected
from libs.common.subjects import Subject

_NOT_THERE = (404, 422)


class SubjectList(BaseModel):
    """`GET /internal/accounts/{account_id}/patients`."""

    items: list[Subject]


class PatientContact(BaseModel):
    """`GET /internal/patients/{patient_id}/contact`: only for notifications. `phone` is E.164.

    `withdrawn_consents`: purposes somebody agreed to once and does not any more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    patient_id: str
    clinic_id: str
    phone: str
    email: str | None
    name: str
    language: str
    withdrawn_consents: list[str] = []


class RegistrySubjects:
    """A `SubjectOwner` over HTTP. `client` carries a service token for the registry."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    async def subject(self, subject_id: str) -> Subject | None:
        body = await _found(self._client, f"/internal/patients/{quote(subject_id, safe='')}/access")
        return None if body is None else Subject.model_validate_json(body)

    async def subjects_of(self, account_id: str) -> list[Subject]:
        response = await self._client.request("GET", f"/internal/accounts/{quote(account_id, safe='')}/patients")
        return SubjectList.model_validate_json(response.content).items


async def patient_contact(client: OutboundClient, patient_id: str) -> PatientContact | None:
    """How to reach a patient, asked at the moment of sending; None when there is no such patient."""
    body = await _found(client, f"/internal/patients/{quote(patient_id, safe='')}/contact")
    return None if body is None else PatientContact.model_validate_json(body)


async def _found(client: OutboundClient, path: str) -> bytes | None:
    try:
        return (await client.request("GET", path)).content
    except UpstreamRejected as refused:
        if refused.upstream_status in _NOT_THERE:
            return None
        raise
