"""The front desk's side: the waiting queue, the waitlist, and the clinic's booking rules."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from libs.common.errors import FieldError, Unprocessable, problems
from libs.common.web.etag import IfMatch, set_etag
from libs.common.web.idempotency import OptionalIdempotencyKey
from libs.common.web.pagination import Page, PageCursor
from services.scheduling.api import access
from services.scheduling.api.fields import Day, DoctorId, PatientId
from services.scheduling.api.schemas import (
    AppointmentView,
    BookingPolicyPatch,
    BookingPolicyView,
    QueueView,
    WaitlistEntryView,
    WaitlistRequest,
)
from services.scheduling.domain import errors
from services.scheduling.use_cases.accept_offer import AcceptOffer, accept_offer
from services.scheduling.use_cases.decline_offer import DeclineOffer, decline_offer
from services.scheduling.use_cases.join_waitlist import JoinWaitlist, LeaveWaitlist, join_waitlist, leave_waitlist
from services.scheduling.use_cases.queries import (
    ListWaitlist,
    ShowPolicy,
    ShowQueue,
    list_waitlist,
    show_policy,
    show_queue,
)
from services.scheduling.use_cases.set_booking_policy import SetBookingPolicy, set_booking_policy

router = APIRouter(tags=["front desk"])


@router.get("/queue", responses=problems(errors.DoctorUnknown))
async def read_queue(
    caller: access.CanReadQueue,
    transact: access.Transact,
    doctors: access.Doctors,
    doctor_id: DoctorId,
    date: Annotated[Day | None, Query(description="Default: today at the clinic")] = None,
) -> QueueView:
    """Who waits for a doctor and who is inside. Patients see numbers, not each other."""
    doctor = await doctors.require(doctor_id, caller)
    query = ShowQueue(doctor_id=doctor_id, day=date)
    queue = await transact.read(show_queue, query, by=caller.within(doctor.clinic_id))
    return QueueView.of(queue, by_number_only=caller.kind == "account")


@router.post(
    "/waitlist",
    name="join_waitlist",
    status_code=201,
    responses=problems(errors.AlreadyWaiting, errors.PatientUnknown, errors.DoctorUnknown),
)
async def join(
    body: WaitlistRequest,
    caller: access.CanJoinWaitlist,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    patients: access.Patients,
    doctors: access.Doctors,
) -> WaitlistEntryView:
    """Ask for any slot in a window; when one frees, it is offered to the first in line for a limited time."""
    if body.earliest >= body.latest:
        raise Unprocessable(errors=[FieldError(pointer="/latest", detail="must be after `earliest`")])
    patient = await patients.require(body.patient_id, caller)
    acting = caller.within(patient.clinic_id)
    await doctors.require(body.doctor_id, acting.reaching_clinic())
    return WaitlistEntryView.of(await transact(join_waitlist, JoinWaitlist(**body.model_dump()), by=acting, once=key))


@router.get("/waitlist")
async def read_waitlist(
    caller: access.CanReadWaitlist,
    transact: access.Transact,
    cursor: PageCursor,
    doctor_id: DoctorId | None = None,
    patient_id: PatientId | None = None,
) -> Page[WaitlistEntryView]:
    query = ListWaitlist(doctor_id=doctor_id, patient_id=patient_id)
    page = await transact.read(list_waitlist, (query, cursor), by=caller)
    return Page(items=[WaitlistEntryView.of(entry) for entry in page.items], next_cursor=page.next_cursor)


@router.post(
    "/waitlist/{entry_id}/leave",
    name="leave_waitlist",
    responses=problems(errors.WaitlistEntryUnknown, errors.StateForbids),
)
async def leave(entry_id: str, caller: access.CanJoinWaitlist, transact: access.Transact) -> WaitlistEntryView:
    """No longer waiting. What was offered goes to the next in line."""
    return WaitlistEntryView.of(await transact(leave_waitlist, LeaveWaitlist(entry_id=entry_id), by=caller))


@router.post(
    "/waitlist/offers/{offer_id}/accept",
    name="accept_offer",
    responses=problems(
        errors.OfferUnknown,
        errors.OfferExpired,
        errors.OfferAlreadyAccepted,
        errors.DepositRequired,
        errors.StateForbids,
    ),
)
async def accept(
    offer_id: str,
    caller: access.CanAnswerOffers,
    key: OptionalIdempotencyKey,
    transact: access.Transact,
    tele: access.Tele,
) -> AppointmentView:
    """Take the offered slot: the answer is the appointment."""
    appointment = await transact(accept_offer, AcceptOffer(offer_id=offer_id), by=caller, once=key)
    return AppointmentView.of(appointment, tele)


@router.post(
    "/waitlist/offers/{offer_id}/decline",
    name="decline_offer",
    responses=problems(errors.OfferUnknown, errors.StateForbids),
)
async def decline(offer_id: str, caller: access.CanAnswerOffers, transact: access.Transact) -> WaitlistEntryView:
    """Let it go to the next in line, and keep waiting for another."""
    return WaitlistEntryView.of(await transact(decline_offer, DeclineOffer(offer_id=offer_id), by=caller))


@router.get("/booking-policies")
async def read_policy(caller: access.CanReadPolicy, transact: access.Transact, response: Response) -> BookingPolicyView:
    """The clinic's rules for booking."""
    policy = await transact.read(show_policy, ShowPolicy(), by=caller)
    set_etag(response, policy.revision)
    return BookingPolicyView.model_validate(policy, from_attributes=True)


@router.patch("/booking-policies")
async def change_policy(
    body: BookingPolicyPatch,
    caller: access.CanWritePolicy,
    transact: access.Transact,
    revision: IfMatch,
    response: Response,
) -> BookingPolicyView:
    """Change some of the rules; bookings made before keep their terms."""
    command = SetBookingPolicy(**body.model_dump(exclude_unset=True), expected_revision=revision)
    policy = await transact(set_booking_policy, command, by=caller)
    set_etag(response, policy.revision)
    return BookingPolicyView.model_validate(policy, from_attributes=True)
