"""What other services ask of scheduling; the gateway does not route these paths."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.contracts.scheduling_api import AppointmentDetails
from services.scheduling.api import access
from services.scheduling.api.fields import AppointmentId
from services.scheduling.domain import errors
from services.scheduling.domain.slot import Mode
from services.scheduling.use_cases.queries import GetAppointment, describe_appointment

router = APIRouter(prefix="/internal", tags=["internal"])


@router.get("/appointments/{appointment_id}", responses=problems(errors.AppointmentUnknown))
async def read_details(
    appointment_id: AppointmentId, caller: access.AsService, transact: access.Transact, tele: access.Tele
) -> AppointmentDetails:
    """An appointment with its clinic's zone, for a message to the patient."""
    appointment, policy = await transact.read(
        describe_appointment, GetAppointment(appointment_id=appointment_id), by=caller
    )
    link = tele.link(appointment.id) if appointment.mode is Mode.TELE else None
    return AppointmentDetails.model_validate({**appointment.model_dump(), "zone": policy.zone, "tele_link": link})
