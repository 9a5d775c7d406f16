"""Appointments: request, confirm, move, cancel, and the day at the clinic."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Response

from libs.common.errors import problems
from libs.common.telemetry.metrics import counter, histogram
from libs.common.web.etag import set_etag
from libs.common.web.idempotency import IdempotencyKey, OptionalIdempotencyKey
from libs.common.web.pagination import Page, PageCursor
from services.scheduling.api import access
from services.scheduling.api.fields import AppointmentId, Day, DoctorId, PatientId
from services.scheduling.api.schemas import (
    AppointmentRequest,
    AppointmentView,
    CancelRequest,
    OverbookRequest,
    RescheduleRequest,
)
from services.scheduling.domain import errors
from services.scheduling.use_cases.book_appointment import BookAppointment, book_appointment
from services.scheduling.use_cases.cancel_appointment import CancelAppointment, cancel_appointment
from services.scheduling.use_cases.check_in import CheckIn, check_in
from services.scheduling.use_cases.confirm_appointment import ConfirmAppointment, confirm_appointment
from services.scheduling.use_cases.mark_no_show import MarkNoShow, mark_no_show
from services.scheduling.use_cases.move_consultation import (
    CompleteConsultation,
    StartConsultation,
    complete_consultation,
    start_consultation,
)
from services.scheduling.use_cases.queries import GetAppointment, ListAppointments, get_appointment, list_appointments
from services.scheduling.use_cases.reschedule_appointment import RescheduleAppointment, reschedule_appointment

router = APIRouter(tags=["appointments"])

_CREATED = counter("appointments_created", "Appointments booked, by the status they started with", "status")
_LATENCY = histogram("booking_latency_ms", "From the request for an appointment to its commit, in milliseconds")


@router.post(
    "/appointments/request",
    status_code=201,
    responses=problems(
        errors.SlotTaken, errors.PatientBusy, errors.SlotClosed, errors.NoticeTooShort, errors.PatientUnknown
    ),
)
async def request_appointment(
    body: AppointmentRequest,
    caller: access.CanBook,
    key: IdempotencyKey,
    transact: access.Transact,
    patients: access.Patients,
    tele: access.Tele,
) -> AppointmentView:
    """Book a slot, or hold it. A retry with the same Idempotency-Key gets the first answer again."""
    started = time.perf_counter()
    patient = await patients.require(body.patient_id, caller)
    command = BookAppointment.model_construct(**body.model_dump(), overbook=False)
    appointment = await transact(book_appointment, command, by=caller.within(patient.clinic_id), once=key)
    if not key.replayed:
        _CREATED.labels(appointment.status).inc()
        _LATENCY.observe((time.perf_counter() - started) * 1000)
    return AppointmentView.of(appointment, tele)


@router.post(
    "/appointments/overbook",
    status_code=201,
    responses=problems(errors.OverbookQuotaReached, errors.PatientBusy, errors.PatientUnknown),
)
async def overbook_appointment(
    body: OverbookRequest,
    caller: access.CanOverbook,
    key: IdempotencyKey,
    transact: access.Transact,
    patients: access.Patients,
    tele: access.Tele,
) -> AppointmentView:
    """Add a seat to a full slot, within the day's quota; the reason goes on record. A free slot is simply booked."""
    patient = await patients.require(body.patient_id, caller)
    command = BookAppointment(**body.model_dump(), overbook=True)
    appointment = await transact(book_appointment, command, by=caller.within(patient.clinic_id), once=key)
    if not key.replayed:
        _CREATED.labels(appointment.status).inc()
    return AppointmentView.of(appointment, tele)


@router.get("/appointments/{appointment_id}")
async def read_appointment(
    appointment_id: AppointmentId,
    caller: access.CanReadAppointments,
    transact: access.Transact,
    tele: access.Tele,
    response: Response,
) -> AppointmentView:
    appointment = await transact.read(get_appointment, GetAppointment(appointment_id=appointment_id), by=caller)
    set_etag(response, appointment.revision)
    return AppointmentView.of(appointment, tele)


@router.get("/appointments")
async def read_appointments(
    caller: access.CanReadAppointments,
    transact: access.Transact,
    cursor: PageCursor,
    tele: access.Tele,
    doctor_id: DoctorId | None = None,
    patient_id: PatientId | None = None,
    date: Annotated[Day | None, Query(description="A day of the clinic's, such as 2026-11-25")] = None,
) -> Page[AppointmentView]:
    """By doctor, patient and day, in order of start. Without any of them: today's, and all of a patient's own.

    A doctor's without a day, and without a patient: from today on.
    """
    query = ListAppointments(doctor_id=doctor_id, patient_id=patient_id, day=date)
    page = await transact.read(list_appointments, (query, cursor), by=caller)
    return Page(items=[AppointmentView.of(item, tele) for item in page.items], next_cursor=page.next_cursor)


@router.post(
    "/appointments/{appointment_id}/confirm",
    name="confirm_appointment",
    responses=problems(errors.HoldExpired, errors.TooLate, errors.DepositRequired, errors.StateForbids),
)
async def confirm(
    appointment_id: AppointmentId,
    caller: access.CanConfirm,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """Turn a hold into a booking, before it runs out. Where the clinic wants a deposit first, staff do it."""
    command = ConfirmAppointment(appointment_id=appointment_id)
    return AppointmentView.of(await transact(confirm_appointment, command, by=caller, once=key), tele)


@router.post(
    "/appointments/{appointment_id}/cancel",
    name="cancel_appointment",
    responses=problems(errors.TooLate, errors.StateForbids),
)
async def cancel(
    appointment_id: AppointmentId,
    caller: access.CanCancel,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    tele: access.Tele,
    body: CancelRequest | None = None,
) -> AppointmentView:
    """Call it off; the slot is free again and goes to the waitlist first."""
    command = CancelAppointment(appointment_id=appointment_id, reason=body.reason if body else None)
    return AppointmentView.of(await transact(cancel_appointment, command, by=caller, once=key), tele)


@router.post(
    "/appointments/{appointment_id}/reschedule",
    name="reschedule_appointment",
    responses=problems(errors.SlotTaken, errors.PatientBusy, errors.TooLate, errors.StateForbids),
)
async def reschedule(
    appointment_id: AppointmentId,
    body: RescheduleRequest,
    caller: access.CanReschedule,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """Move to another slot. When that is taken, the old one is kept."""
    command = RescheduleAppointment(appointment_id=appointment_id, slot_id=body.slot_id)
    return AppointmentView.of(await transact(reschedule_appointment, command, by=caller, once=key), tele)


@router.post(
    "/appointments/{appointment_id}/check-in",
    responses=problems(errors.TooEarly, errors.TooLate, errors.StateForbids),
)
async def check_in_patient(
    appointment_id: AppointmentId,
    caller: access.CanCheckIn,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """The patient is here; the answer holds their number in the queue. On the day of the appointment at the clinic;
    staff may be earlier, where the policy sets no other time."""
    return AppointmentView.of(
        await transact(check_in, CheckIn(appointment_id=appointment_id), by=caller, once=key), tele
    )


@router.post(
    "/appointments/{appointment_id}/no-show",
    name="mark_no_show",
    responses=problems(errors.TooEarly, errors.StateForbids),
)
async def no_show(
    appointment_id: AppointmentId,
    caller: access.CanMarkNoShow,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """The patient did not come, the clinic's grace included."""
    return AppointmentView.of(
        await transact(mark_no_show, MarkNoShow(appointment_id=appointment_id), by=caller, once=key), tele
    )


@router.post("/appointments/{appointment_id}/start", name="start_consultation", responses=problems(errors.StateForbids))
async def start(
    appointment_id: AppointmentId,
    caller: access.CanMoveConsultation,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """The patient goes in to the doctor."""
    return AppointmentView.of(
        await transact(start_consultation, StartConsultation(appointment_id=appointment_id), by=caller), tele
    )


@router.post(
    "/appointments/{appointment_id}/complete", name="complete_consultation", responses=problems(errors.StateForbids)
)
async def complete(
    appointment_id: AppointmentId,
    caller: access.CanMoveConsultation,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """The consultation is over."""
    command = CompleteConsultation(appointment_id=appointment_id)
    return AppointmentView.of(await transact(complete_consultation, command, by=caller), tele)
