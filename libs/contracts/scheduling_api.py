"""Scheduling's internal API as other services see it: what a message to a patient says about an appointment."""

from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from libs.common.resilience.http_client import OutboundClient


class AppointmentDetails(BaseModel):
    """`GET /internal/appointments/{id}`. Times are UTC; `zone` is the clinic's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    clinic_id: str
    patient_id: str
    doctor_id: str
    start: datetime
    end: datetime
    mode: str
    status: str
    zone: str
    token_number: int | None = None
    tele_link: str | None = None


async def appointment_details(client: OutboundClient, appointment_id: str) -> AppointmentDetails:
    """Ask scheduling; raises what `OutboundClient.request` raises. `client` carries a token for scheduling."""
    response = await client.request("GET", f"/internal/appointments/{quote(appointment_id, safe='')}")
    return AppointmentDetails.model_validate_json(response.content)
