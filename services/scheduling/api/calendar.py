"""The calendar: free slots, the templates they come from, leave and closures."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from libs.common.errors import BadRequest, FieldError, Unprocessable, problems
from libs.common.web.pagination import Page, PageCursor
from services.scheduling.api import access
from services.scheduling.api.fields import DoctorId, MomentOrDay
from services.scheduling.api.schemas import (
    AffectedView,
    ExceptionRequest,
    LeaveRequest,
    LeaveTakenView,
    LeaveView,
    SlotTemplateRequest,
    SlotTemplateView,
    SlotView,
)
from services.scheduling.domain import errors
from services.scheduling.domain.slot import SlotStatus
from services.scheduling.use_cases.leaves import LiftLeave, TakeLeave, lift_leave, take_leave
from services.scheduling.use_cases.queries import (
    FindSlots,
    ListLeaves,
    ListTemplates,
    find_slots,
    list_leaves,
    list_templates,
)
from services.scheduling.use_cases.slot_templates import (
    AddException,
    AddSlotTemplate,
    RetireSlotTemplate,
    add_exception,
    add_slot_template,
    retire_slot_template,
)

router = APIRouter(tags=["calendar"])

From = Annotated[
    MomentOrDay | None, Query(alias="from", description="A moment, or a day of the clinic's; default: now")
]
To = Annotated[
    MomentOrDay | None,
    Query(description="A moment, or the last of the days; default: two weeks on, at most 92 days"),
]


@router.get("/slots", responses=problems(errors.DoctorUnknown))
async def read_slots(
    caller: access.CanReadSlots,
    transact: access.Transact,
    doctors: access.Doctors,
    cursor: PageCursor,
    doctor_id: DoctorId,
    from_: From = None,
    to: To = None,
    status: SlotStatus | None = None,
) -> Page[SlotView]:
    """A doctor's slots from now on, with their status, in order of start: as soon and as far ahead as the caller may
    book by the clinic's policy."""
    doctor = await doctors.require(doctor_id, caller)
    query = FindSlots(
        doctor_id=doctor_id, start=from_, end=to, limit=cursor.limit, after=_position(cursor.after), status=status
    )
    found = await transact.read(find_slots, query, by=caller.within(doctor.clinic_id))
    shown = found[: cursor.limit]
    last = [shown[-1].slot.start, shown[-1].slot.id] if len(found) > cursor.limit else None
    return Page(items=[SlotView.of(offered) for offered in shown], next_cursor=cursor.next(last))


def _position(after: list[object] | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    start, slot_id = after
    if not isinstance(start, datetime) or not isinstance(slot_id, str):
        raise BadRequest("The cursor belongs to another list")
    return start, slot_id


@router.post(
    "/slot-templates",
    status_code=201,
    responses=problems(errors.DoctorUnknown, errors.TemplateInvalid, errors.TemplateOverlaps),
)
async def create_template(
    body: SlotTemplateRequest, caller: access.CanWriteTemplates, transact: access.Transact, doctors: access.Doctors
) -> SlotTemplateView:
    """Open recurring hours. Slots exist at once, as far ahead as anybody looks.

    Hours that meet others of the doctor's are refused (409), unless `allow_overlap` says that this is meant.
    """
    await doctors.require(body.doctor_id, caller)
    command = AddSlotTemplate(**body.model_dump())
    return SlotTemplateView.of(await transact(add_slot_template, command, by=caller))


@router.get("/slot-templates")
async def read_templates(
    doctor_id: DoctorId, caller: access.CanReadTemplates, transact: access.Transact
) -> Page[SlotTemplateView]:
    templates = await transact.read(list_templates, ListTemplates(doctor_id=doctor_id), by=caller)
    return Page(items=[SlotTemplateView.of(template) for template in templates])


@router.post("/slot-templates/{template_id}/exceptions", responses=problems(errors.TemplateUnknown))
async def create_exception(
    template_id: str, body: ExceptionRequest, caller: access.CanWriteTemplates, transact: access.Transact
) -> SlotTemplateView:
    """Leave one day out."""
    command = AddException(template_id=template_id, day=body.day)
    return SlotTemplateView.of(await transact(add_exception, command, by=caller))


@router.post("/slot-templates/{template_id}/retire", responses=problems(errors.TemplateUnknown))
async def retire_template(
    template_id: str, caller: access.CanWriteTemplates, transact: access.Transact
) -> SlotTemplateView:
    """No more slots from this template; what is booked stays booked."""
    command = RetireSlotTemplate(template_id=template_id)
    return SlotTemplateView.of(await transact(retire_slot_template, command, by=caller))


@router.post("/leaves", status_code=201, responses=problems(errors.DoctorUnknown, errors.LeaveConflicts))
async def create_leave(
    body: LeaveRequest, caller: access.CanWriteLeaves, transact: access.Transact, doctors: access.Doctors
) -> LeaveTakenView:
    """Close a time. With appointments in the way, the first answer (409) is the plan: who would be affected."""
    if body.start >= body.end:
        raise Unprocessable(errors=[FieldError(pointer="/end", detail="must be after `start`")])
    if body.doctor_id is not None:
        await doctors.require(body.doctor_id, caller)
    taken = await transact(take_leave, TakeLeave(**body.model_dump()), by=caller)
    affected = [AffectedView.model_validate(line, from_attributes=True) for line in taken.affected]
    return LeaveTakenView(**LeaveView.model_validate(taken.leave, from_attributes=True).model_dump(), affected=affected)


@router.get("/leaves")
async def read_leaves(
    caller: access.CanReadLeaves,
    transact: access.Transact,
    from_: From = None,
    to: To = None,
) -> Page[LeaveView]:
    """Leave and closures that touch the window: two weeks from now unless said otherwise."""
    leaves = await transact.read(list_leaves, ListLeaves(start=from_, end=to), by=caller)
    return Page(items=[LeaveView.model_validate(leave, from_attributes=True) for leave in leaves])


@router.post("/leaves/{leave_id}/lift", name="lift_leave", responses=problems(errors.LeaveUnknown))
async def lift(leave_id: str, caller: access.CanWriteLeaves, transact: access.Transact) -> LeaveView:
    """Call the leave off; its slots are open again."""
    leave = await transact(lift_leave, LiftLeave(leave_id=leave_id), by=caller)
    return LeaveView.model_validate(leave, from_attributes=True)
