"""The registry's internal API as other services see it: who may act for a patient."""

from pydantic import BaseModel

from libs.common.mongo.tx import Tx
from libs.common.resilience.http_client import OutboundClient, UpstreamRejected
from libs.common.subjects import Subject, learn_subject
from libs.contracts.registry import PatientRegistered, PatientUpdated


class SubjectList(BaseModel):
    """`GET /internal/accounts/{account_id}/patients`."""

    items: list[Subject]


class RegistrySubjects:
    """A `SubjectOwner` over HTTP. `client` carries a service token for the registry."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    async def subject(self, subject_id: str) -> Subject | None:
        try:
            response = await self._client.request("GET", f"/internal/patients/{subject_id}/access")
        except UpstreamRejected as refused:
            if refused.upstream_status in (404, 422):
                return None
            raise
        return Subject.model_validate_json(response.content)

    async def subjects_of(self, account_id: str) -> list[Subject]:
        response = await self._client.request("GET", f"/internal/accounts/{account_id}/patients")
        return SubjectList.model_validate_json(response.content).items


async def on_patient_changed(event: PatientRegistered | PatientUpdated, tx: Tx) -> None:
    """The handler of every service that keeps a `SubjectDirectory` of patients: learn who may act for whom."""
    if tx.cause is not None:
        subject = Subject(
            id=event.patient_id,
            clinic_id=tx.clinic_id,
            accounts=event.accounts,
            active=event.active,
            seq=tx.cause.aggregate.seq,
        )
        await learn_subject(tx, subject)
