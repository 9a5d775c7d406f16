"""Follow who works as a doctor, and in which zone a clinic lives."""

from libs.common.subjects import Subject, learn_subject
from libs.contracts.auth import ClinicChanged, StaffChanged
from libs.contracts.roles import DOCTOR
from services.scheduling.persistence.documents import DOCTORS
from services.scheduling.use_cases.ports import SchedulingTx
from services.scheduling.use_cases.set_booking_policy import SetBookingPolicy, set_booking_policy


async def on_staff_changed(event: StaffChanged, tx: SchedulingTx) -> None:
    if tx.cause is not None:
        member = Subject(
            id=event.user_id,
            clinic_id=tx.clinic_id,
            active=event.active and event.role == DOCTOR,
            seq=tx.cause.aggregate.seq,
        )
        await learn_subject(tx, member, DOCTORS)


async def on_clinic_changed(event: ClinicChanged, tx: SchedulingTx) -> None:
    if (await tx.policies.of(tx.clinic_id)).zone != event.zone:
        await set_booking_policy(SetBookingPolicy(zone=event.zone), tx)
