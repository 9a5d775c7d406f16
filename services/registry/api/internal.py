"""What other services ask: who may act for whom, and, for notifications alone, how to reach a patient."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.common.subjects import Subject
from libs.contracts.registry_api import PatientContact, SubjectList
from services.registry.api import access
from services.registry.api.fields import AccountId, PatientId
from services.registry.domain import errors
from services.registry.use_cases.queries import (
    ListAccess,
    ShowAccess,
    ShowContact,
    list_access,
    show_access,
    show_contact,
)

router = APIRouter(prefix="/internal", tags=["internal"])

_NOTIFICATIONS = "svc:notifications"


@router.get("/patients/{patient_id}/access", responses=problems(errors.PatientUnknown))
async def read_access(patient_id: PatientId, caller: access.CanReadAccess, transact: access.Transact) -> Subject:
    """The clinic, the accounts, and whether the record is in use."""
    return await transact.read(show_access, ShowAccess(patient_id=patient_id), by=caller)


@router.get("/accounts/{account_id}/patients")
async def read_account(account_id: AccountId, caller: access.CanReadAccess, transact: access.Transact) -> SubjectList:
    """Everybody the account may act for."""
    return SubjectList(items=await transact.read(list_access, ListAccess(account_id=account_id), by=caller))


@router.get("/patients/{patient_id}/contact", responses=problems(errors.PatientUnknown, errors.NotForThisService))
async def read_contact(
    patient_id: PatientId, caller: access.CanReadContact, transact: access.Transact
) -> PatientContact:
    """Phone and email at the moment of sending, kept nowhere else, and which consents do not hold any more."""
    if caller.id != _NOTIFICATIONS:
        raise errors.NotForThisService
    patient, withdrawn = await transact.read(show_contact, ShowContact(patient_id=patient_id), by=caller)
    return PatientContact(
        patient_id=patient.id,
        clinic_id=patient.clinic_id,
        phone=patient.phones[0],
        email=patient.email,
        name=patient.name.text,
        language=patient.language,
        withdrawn_consents=withdrawn,
    )
