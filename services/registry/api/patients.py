"""Patients: register, find, look at, correct, and take out of use."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from libs.common.errors import FieldError, Unprocessable, problems
from libs.common.security.caller import Caller
from libs.common.web.etag import IfMatch, set_etag
from libs.common.web.idempotency import OptionalIdempotencyKey
from libs.common.web.pagination import Page, PageCursor
from services.registry.api import access
from services.registry.api.fields import AbhaNumber, Email, FullName, Mrn, PatientId, Phone
from services.registry.api.schemas import (
    PatientPatch,
    PatientRequest,
    PatientSummary,
    PatientView,
    ReasonBody,
    RegisteredView,
)
from services.registry.domain import errors
from services.registry.domain.patient import Address
from services.registry.permissions import PATIENT_READ, PATIENT_SEARCH
from services.registry.use_cases.deactivate_patient import (
    DeactivatePatient,
    ReactivatePatient,
    deactivate_patient,
    reactivate_patient,
)
from services.registry.use_cases.ports import PatientSearch
from services.registry.use_cases.queries import ListMine, list_mine, search_patients
from services.registry.use_cases.register_patient import GuardianGiven, RegisterPatient, register_patient
from services.registry.use_cases.update_patient import UpdatePatient, update_patient
from services.registry.use_cases.view_patient import ViewPatient, view_patient

router = APIRouter(tags=["patients"])


@router.post(
    "/patients",
    name="register_patient",
    status_code=201,
    responses=problems(
        errors.PhoneNotVerified,
        errors.ClinicUnknown,
        errors.PatientUnknown,
        errors.PatientInactive,
        errors.FamilyTooLarge,
        Unprocessable,
        errors.DemographicsInvalid,
    ),
)
async def register(
    body: PatientRequest,
    caller: access.CanRegister,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    clinics: access.Clinics,
    today: access.Today,
    response: Response,
) -> RegisteredView:
    """Take a patient in. `possible_duplicates` lists records that may be the same person, with a score and why."""
    acting = await _within_clinic(caller, body.clinic_id, clinics)
    registered = await transact(register_patient, _command(body), by=acting, once=key)
    patient = await transact.read(view_patient, ViewPatient(patient_id=registered.patient_id), by=acting)
    set_etag(response, patient.revision)
    return RegisteredView.after(patient, today, registered.possible_duplicates)


async def _within_clinic(caller: Caller, clinic_id: str | None, clinics: access.Clinics) -> Caller:
    """Staff register in their own clinic; an account, which has none, in one that exists."""
    if caller.clinic_id is not None:
        if clinic_id not in (None, caller.clinic_id):
            raise errors.ClinicUnknown
        return caller
    if clinic_id is None:
        raise Unprocessable(errors=[FieldError(pointer="/clinic_id", detail="Say at which clinic: send its id")])
    acting = caller.within(clinic_id)
    await clinics.require(clinic_id, acting.reaching_clinic())
    return acting


def _command(body: PatientRequest) -> RegisterPatient:
    same = {"sex", "birth_date", "age_years", "email", "language", "abha_number", "abha_address"}
    return RegisterPatient(
        name=body.person_name(),
        phones=[body.phone, *body.other_phones],
        address=None if body.address is None else Address(**body.address.model_dump()),
        guardians=[GuardianGiven(**guardian.model_dump()) for guardian in body.guardians],
        **body.model_dump(include=same),
    )


@router.get("/patients", name="search_patients", responses=problems(Unprocessable, errors.SearchTooBroad))
async def search(
    caller: access.CanSearch,
    transact: access.Transact,
    looks: access.Looks,
    cursor: PageCursor,
    today: access.Today,
    phone: Phone | None = None,
    name: Annotated[
        FullName | None, Query(description="Beginnings of words on one line, as written or as heard")
    ] = None,
    mrn: Mrn | None = None,
    abha: AbhaNumber | None = None,
    email: Email | None = None,
) -> Page[PatientSummary]:
    """Find patients of the clinic by all that is given; without anything, who was registered last.

    A search looks at 500 matches at most. Whom it shows goes on record, for each of them, once in five minutes.
    """
    wanted = PatientSearch(phone=phone, name=name, mrn=mrn, abha_number=abha, email=email)
    page = await transact.read(search_patients, (wanted, cursor), by=caller)
    await looks.put_on_record(PATIENT_SEARCH, page.items, by=caller, transact=transact)
    return Page(items=[PatientSummary.of(patient, today) for patient in page.items], next_cursor=page.next_cursor)


@router.get("/patients/mine")
async def read_mine(caller: access.CanListOwn, transact: access.Transact, today: access.Today) -> Page[PatientView]:
    """Everybody the account may act for: its owner, wards, and whoever shares the phone, in any clinic."""
    mine = await transact.read(list_mine, ListMine(), by=caller)
    return Page(items=[PatientView.of(patient, today) for patient in mine])


@router.get("/patients/{patient_id}", responses=problems(errors.PatientUnknown))
async def read_patient(
    patient_id: PatientId,
    caller: access.CanRead,
    transact: access.Transact,
    looks: access.Looks,
    today: access.Today,
    response: Response,
) -> PatientView:
    """The whole record. A look by staff goes on record, once in five minutes for the same person and patient."""
    patient = await transact.read(view_patient, ViewPatient(patient_id=patient_id), by=caller)
    await looks.put_on_record(PATIENT_READ, [patient], by=caller, transact=transact)
    set_etag(response, patient.revision)
    return PatientView.of(patient, today)


@router.patch(
    "/patients/{patient_id}",
    responses=problems(
        errors.PatientUnknown,
        errors.PatientInactive,
        errors.PhoneNotVerified,
        Unprocessable,
        errors.DemographicsInvalid,
    ),
)
async def change_patient(
    patient_id: PatientId,
    body: PatientPatch,
    caller: access.CanUpdate,
    revision: IfMatch,
    transact: access.Transact,
    today: access.Today,
    response: Response,
) -> PatientView:
    """Correct details (JSON merge patch). With If-Match nothing is overwritten that somebody changed meanwhile."""
    given = body.model_dump(exclude_unset=True)
    command = UpdatePatient(**given, patient_id=patient_id, expected_revision=revision)
    patient = await transact(update_patient, command, by=caller)
    set_etag(response, patient.revision)
    return PatientView.of(patient, today)


@router.post(
    "/patients/{patient_id}/deactivate",
    name="deactivate_patient",
    responses=problems(errors.PatientUnknown, errors.PatientInactive),
)
async def deactivate(
    patient_id: PatientId,
    caller: access.CanDeactivate,
    transact: access.Transact,
    today: access.Today,
    response: Response,
    body: ReasonBody | None = None,
) -> PatientView:
    """Out of use: nothing can be booked or given any more, and its phones open no ward's record; it stays readable."""
    command = DeactivatePatient(patient_id=patient_id, reason=body.reason if body else None)
    patient = await transact(deactivate_patient, command, by=caller)
    set_etag(response, patient.revision)
    return PatientView.of(patient, today)


@router.post("/patients/{patient_id}/reactivate", name="reactivate_patient", responses=problems(errors.PatientUnknown))
async def reactivate(
    patient_id: PatientId,
    caller: access.CanDeactivate,
    transact: access.Transact,
    today: access.Today,
    response: Response,
    body: ReasonBody | None = None,
) -> PatientView:
    command = ReactivatePatient(patient_id=patient_id, reason=body.reason if body else None)
    patient = await transact(reactivate_patient, command, by=caller)
    set_etag(response, patient.revision)
    return PatientView.of(patient, today)
