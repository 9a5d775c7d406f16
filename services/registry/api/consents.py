"""Consents: give, withdraw as easily, and the history."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.common.web.idempotency import OptionalIdempotencyKey
from libs.common.web.pagination import Page
from services.registry.api import access
from services.registry.api.fields import ConsentId, PatientId
from services.registry.api.schemas import ConsentRequest, ConsentView, ReasonBody
from services.registry.domain import errors
from services.registry.permissions import PATIENT_READ
from services.registry.use_cases.give_consent import GiveConsent, give_consent
from services.registry.use_cases.queries import ListConsents, list_consents
from services.registry.use_cases.view_patient import ViewPatient, view_patient
from services.registry.use_cases.withdraw_consent import WithdrawConsent, withdraw_consent

router = APIRouter(tags=["consents"])


@router.post(
    "/patients/{patient_id}/consents",
    name="give_consent",
    status_code=201,
    responses=problems(errors.PatientUnknown, errors.PatientInactive),
)
async def give(
    patient_id: PatientId,
    body: ConsentRequest,
    caller: access.CanGiveConsent,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
) -> ConsentView:
    """Agree to a purpose. Given again unchanged, the answer is the consent in force; on another notice or
    language, with another scope or by somebody else, the new one takes its place."""
    command = GiveConsent(patient_id=patient_id, **body.model_dump())
    return ConsentView.of(await transact(give_consent, command, by=caller, once=key))


@router.get("/patients/{patient_id}/consents", responses=problems(errors.PatientUnknown))
async def read_consents(
    patient_id: PatientId, caller: access.CanReadConsents, transact: access.Transact, looks: access.Looks
) -> Page[ConsentView]:
    """All consents of the patient, the newest first, withdrawn and replaced ones too."""
    patient = await transact.read(view_patient, ViewPatient(patient_id=patient_id), by=caller)
    await looks.put_on_record(PATIENT_READ, [patient], by=caller, transact=transact)
    consents = await transact.read(list_consents, ListConsents(patient_id=patient_id), by=caller)
    return Page(items=[ConsentView.of(consent) for consent in consents])


@router.post(
    "/consents/{consent_id}/withdraw",
    name="withdraw_consent",
    responses=problems(errors.ConsentUnknown, errors.ConsentSuperseded),
)
async def withdraw(
    consent_id: ConsentId,
    caller: access.CanWithdrawConsent,
    transact: access.Transact,
    body: ReasonBody | None = None,
) -> ConsentView:
    """No longer agreed, from this moment; no reason is needed. Withdrawing twice is no error."""
    command = WithdrawConsent(consent_id=consent_id, reason=body.reason if body else None)
    return ConsentView.of(await transact(withdraw_consent, command, by=caller))
