"""Open and retire the recurring hours in which a doctor sees patients."""

from datetime import date

from pydantic import Field

from libs.common.command import Command
from libs.common.ids import new_id
from services.scheduling.domain.errors import DoctorUnknown, TemplateOverlaps, TemplateUnknown
from services.scheduling.domain.slot import Mode
from services.scheduling.domain.slot_template import Session, SlotTemplate
from services.scheduling.permissions import TEMPLATE_WRITE
from services.scheduling.use_cases.clinic_day import clinic_date
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.reach import ensure_own_calendar


class AddSlotTemplate(Command):
    """See `SlotTemplate` for what the fields mean; the zone is the clinic's. `allow_overlap` opens hours in which the
    doctor has others already."""

    doctor_id: str
    rrule: str
    valid_from: date
    valid_until: date | None = None
    exdates: list[date] = Field(default=[], max_length=400)
    sessions: list[Session]
    slot_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    capacity: int = 1
    modes: list[Mode]
    room_id: str | None = None
    allow_overlap: bool = False


async def add_slot_template(command: AddSlotTemplate, tx: SchedulingTx) -> SlotTemplate:
    ensure_own_calendar(tx.actor, command.doctor_id, DoctorUnknown)
    policy = await tx.policies.of(tx.clinic_id)
    template = SlotTemplate(
        id=new_id("tpl"),
        clinic_id=tx.clinic_id,
        zone=policy.zone,
        **command.model_dump(exclude_none=True, exclude={"allow_overlap"}),
    )
    if not command.allow_overlap:
        await _ensure_hours_are_new(template, tx)
    tx.templates.add(template)
    tx.audit(TEMPLATE_WRITE, template)
    return template


async def _ensure_hours_are_new(template: SlotTemplate, tx: SchedulingTx) -> None:
    """Against slips of the hand. That nothing is booked twice does not depend on it: bookings claim time, not slots."""
    today = clinic_date(tx.now, template.zone)
    for other in await tx.templates.in_force(template.doctor_id):
        if template.overlaps(other, today):
            raise TemplateOverlaps(extra={"template_id": other.id})


class RetireSlotTemplate(Command):
    template_id: str


async def retire_slot_template(command: RetireSlotTemplate, tx: SchedulingTx) -> SlotTemplate:
    template = await tx.templates.get(command.template_id)
    ensure_own_calendar(tx.actor, template.doctor_id, TemplateUnknown)
    template.retire()
    tx.templates.save(template)
    tx.audit(TEMPLATE_WRITE, template)
    return template


class AddException(Command):
    """Leave one more day out of a template."""

    template_id: str
    day: date


async def add_exception(command: AddException, tx: SchedulingTx) -> SlotTemplate:
    template = await tx.templates.get(command.template_id)
    ensure_own_calendar(tx.actor, template.doctor_id, TemplateUnknown)
    template.leave_out(command.day)
    tx.templates.save(template)
    tx.audit(TEMPLATE_WRITE, template)
    return template
