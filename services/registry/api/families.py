"""Guardians, wards, and who else belongs to a patient."""

from fastapi import APIRouter, Response

from libs.common.errors import Unprocessable, problems
from libs.common.web.etag import set_etag
from libs.common.web.idempotency import OptionalIdempotencyKey
from libs.common.web.pagination import Page
from services.registry.api import access
from services.registry.api.fields import EntryId, PatientId
from services.registry.api.schemas import FamilyMemberView, GuardianBody, PatientView
from services.registry.domain import errors
from services.registry.permissions import PATIENT_READ
from services.registry.use_cases.guardians import AddGuardian, RemoveGuardian, add_guardian, remove_guardian
from services.registry.use_cases.queries import ShowFamily, show_family
from services.registry.use_cases.view_patient import ViewPatient, view_patient

router = APIRouter(tags=["families"])


@router.get("/patients/{patient_id}/family", responses=problems(errors.PatientUnknown))
async def read_family(
    patient_id: PatientId,
    caller: access.CanRead,
    transact: access.Transact,
    looks: access.Looks,
    today: access.Today,
) -> Page[FamilyMemberView]:
    """Guardians, wards, and whoever shares a phone with this patient, as far as the caller may see.
    For staff each of them goes on record as looked at."""
    members = await transact.read(show_family, ShowFamily(patient_id=patient_id), by=caller)
    await looks.put_on_record(PATIENT_READ, [member.patient for member in members], by=caller, transact=transact)
    return Page(items=[FamilyMemberView.from_member(member, today) for member in members])


@router.post(
    "/patients/{patient_id}/guardians",
    status_code=201,
    responses=problems(
        errors.PatientUnknown,
        errors.PatientInactive,
        errors.FamilyTooLarge,
        Unprocessable,
        errors.DemographicsInvalid,
    ),
)
async def create_guardian(
    patient_id: PatientId,
    body: GuardianBody,
    caller: access.CanWriteGuardians,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    today: access.Today,
    response: Response,
) -> PatientView:
    """Let somebody act for the patient: their phones open the record from now on."""
    command = AddGuardian(
        patient_id=patient_id, guardian_patient_id=body.patient_id, **body.model_dump(exclude={"patient_id"})
    )
    await transact(add_guardian, command, by=caller, once=key)
    patient = await transact.read(view_patient, ViewPatient(patient_id=patient_id), by=caller)
    set_etag(response, patient.revision)
    return PatientView.of(patient, today)


@router.delete(
    "/patients/{patient_id}/guardians/{entry_id}", responses=problems(errors.PatientUnknown, errors.GuardianUnknown)
)
async def delete_guardian(
    patient_id: PatientId,
    entry_id: EntryId,
    caller: access.CanWriteGuardians,
    transact: access.Transact,
    today: access.Today,
    response: Response,
) -> PatientView:
    """They act for the patient no more: their phones do not open the record any longer."""
    patient = await transact(remove_guardian, RemoveGuardian(patient_id=patient_id, entry_id=entry_id), by=caller)
    set_etag(response, patient.revision)
    return PatientView.of(patient, today)
