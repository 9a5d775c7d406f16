"""What a patient wants to be told."""

from fastapi import APIRouter, Response

from libs.common.errors import problems
from libs.common.web.etag import IfMatch, set_etag
from services.notifications.api import access
from services.notifications.api.schemas import PatientId, PreferenceRequest, PreferenceView
from services.notifications.domain import errors
from services.notifications.use_cases.queries import ShowPreference, show_preference
from services.notifications.use_cases.set_preference import SetPreference, set_preference

router = APIRouter(tags=["preferences"])


@router.get("/preferences/{patient_id}", responses=problems(errors.PatientUnknown))
async def read_preference(
    patient_id: PatientId,
    caller: access.CanReadPreferences,
    transact: access.Transact,
    patients: access.Patients,
    response: Response,
) -> PreferenceView:
    patient = await patients.require(patient_id, caller)
    query = ShowPreference(patient_id=patient_id)
    preference = await transact.read(show_preference, query, by=caller.within(patient.clinic_id))
    set_etag(response, preference.revision)
    return PreferenceView.of(preference)


@router.put("/preferences/{patient_id}", responses=problems(errors.PatientUnknown))
async def change_preference(
    patient_id: PatientId,
    body: PreferenceRequest,
    caller: access.CanWritePreferences,
    transact: access.Transact,
    patients: access.Patients,
    revision: IfMatch,
    response: Response,
) -> PreferenceView:
    """Login codes are not subject to it: a person asks for each of them."""
    patient = await patients.require(patient_id, caller)
    command = SetPreference(
        patient_id=patient_id,
        opted_out=frozenset(body.opted_out),
        promotional=body.promotional,
        expected_revision=revision,
    )
    preference = await transact(set_preference, command, by=caller.within(patient.clinic_id))
    set_etag(response, preference.revision)
    return PreferenceView.of(preference)
