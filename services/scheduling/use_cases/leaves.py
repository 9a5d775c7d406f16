"""Leave of a doctor and closures of the clinic: first the plan of who is in the way, then the deed."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from libs.common.command import Command
from libs.common.errors import FieldError, Forbidden, Unprocessable
from libs.common.ids import new_id
from libs.common.security.caller import Caller
from libs.contracts.roles import DOCTOR
from libs.contracts.scheduling import AppointmentCancelled
from services.scheduling.domain.appointment import Appointment
from services.scheduling.domain.errors import DoctorUnknown, LeaveConflicts, LeaveUnknown
from services.scheduling.domain.leave import Leave
from services.scheduling.permissions import APPOINTMENT_CANCEL, LEAVE_WRITE
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.reach import ensure_own_calendar
from services.scheduling.use_cases.seats import save_as_gone
from services.scheduling.use_cases.waitlist_offers import let_offer_pass


class TakeLeave(Command):
    """Of the doctor named, of the doctor who asks, or of everybody. `conflicts` says what to do about appointments in
    that time: refuse (and list them), keep them, or cancel them; who is with the doctor already is seen to the end."""

    doctor_id: str | None = None
    whole_clinic: bool = False
    start: datetime
    end: datetime
    reason: str | None = None
    conflicts: Literal["refuse", "keep", "cancel"] = "refuse"


class AffectedAppointment(BaseModel):
    """One line of the impact plan."""

    appointment_id: str
    patient_id: str
    doctor_id: str
    start: datetime
    end: datetime


class LeaveTaken(BaseModel):
    """The leave and the appointments that lay in it."""

    leave: Leave
    affected: list[AffectedAppointment]


async def take_leave(command: TakeLeave, tx: SchedulingTx) -> LeaveTaken:
    doctor_id = _whose(command, tx.actor)
    ensure_own_calendar(tx.actor, doctor_id, DoctorUnknown)
    if command.end <= tx.now:
        raise Unprocessable(errors=[FieldError(pointer="/end", detail="must be after now")])
    leave = Leave(
        id=new_id("lve"),
        clinic_id=tx.clinic_id,
        doctor_id=doctor_id,
        **command.model_dump(include={"start", "end", "reason"}),
    )
    affected = await tx.appointments.active_between(leave.start, leave.end, doctor_id=leave.doctor_id)
    plan = [
        AffectedAppointment(appointment_id=a.id, **a.model_dump(include={"patient_id", "doctor_id", "start", "end"}))
        for a in affected
    ]
    if affected and command.conflicts == "refuse":
        raise LeaveConflicts(
            f"{len(affected)} appointments lie in this time: send conflicts=keep or conflicts=cancel",
            extra={"affected": [line.model_dump(mode="json") for line in plan]},
        )
    if command.conflicts == "cancel":
        staying = [appointment for appointment in affected if not appointment.can_be_cancelled]
        for appointment in affected:
            if appointment.can_be_cancelled:
                await _cancel(tx, appointment, staying)
    tx.leaves.add(leave)
    tx.audit(LEAVE_WRITE, leave)
    return LeaveTaken(leave=leave, affected=plan)


def _whose(command: TakeLeave, actor: Caller) -> str | None:
    """The doctor's id; None closes the clinic, which has to be said in so many words."""
    if command.whole_clinic and command.doctor_id is not None:
        raise Unprocessable(errors=[FieldError(pointer="/doctor_id", detail="leave it out to close the whole clinic")])
    if command.whole_clinic and actor.role == DOCTOR:
        raise Forbidden("An administrator closes the whole clinic")
    if command.whole_clinic or command.doctor_id is not None:
        return command.doctor_id
    if actor.role != DOCTOR:
        raise Unprocessable(
            errors=[
                FieldError(pointer="/doctor_id", detail="name a doctor, or close the clinic with whole_clinic: true")
            ]
        )
    return actor.id


async def _cancel(tx: SchedulingTx, appointment: Appointment, staying: list[Appointment]) -> None:
    late = appointment.cancel(tx.now, await tx.policies.of(tx.clinic_id), staff=True, reason="The doctor is away")
    await save_as_gone(appointment, tx, among=staying)
    await let_offer_pass(appointment, tx, APPOINTMENT_CANCEL)
    tx.publish(AppointmentCancelled.of(appointment, cancelled_by=tx.actor.role, late=late))
    tx.audit(APPOINTMENT_CANCEL, appointment, reason="The doctor is away")


class LiftLeave(Command):
    leave_id: str


async def lift_leave(command: LiftLeave, tx: SchedulingTx) -> Leave:
    leave = await tx.leaves.get(command.leave_id)
    ensure_own_calendar(tx.actor, leave.doctor_id, LeaveUnknown)
    leave.lift()
    tx.leaves.save(leave)
    tx.audit(LEAVE_WRITE, leave)
    return leave
