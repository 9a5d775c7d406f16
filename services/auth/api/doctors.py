"""The doctors of a clinic, for whoever books: the front desk, and patients who look for somebody."""

from fastapi import APIRouter

from libs.common.errors import FieldError, Unprocessable, problems
from libs.common.web.pagination import Page, PageCursor
from services.auth.api import access
from services.auth.api.admin_schemas import DoctorView
from services.auth.api.schemas import Id
from services.auth.domain import errors
from services.auth.use_cases.queries import ListDoctors, list_doctors

router = APIRouter(prefix="/doctors", tags=["doctors"])


@router.get("", responses=problems(errors.ClinicUnknown))
async def read_doctors(
    caller: access.CanListDoctors, transact: access.Transact, cursor: PageCursor, clinic_id: Id | None = None
) -> Page[DoctorView]:
    """Who can be booked: in the clinic one works in, or for an account in the one it names (`GET /clinics`)."""
    clinic = clinic_id or caller.clinic_id
    if clinic is None:
        words = "Say of which clinic: GET /clinics lists them"
        raise Unprocessable(errors=[FieldError(pointer="/query/clinic_id", detail=words)])
    by = caller if caller.clinic_id else caller.within(clinic)
    page = await transact.read(list_doctors, (ListDoctors(clinic_id=clinic), cursor), by=by)
    return Page(items=[DoctorView.of(user) for user in page.items], next_cursor=page.next_cursor)
