"""What notifications listens to, on one page."""

from libs.common.messaging.consumer import Handler
from libs.common.messaging.events import Event
from libs.contracts.auth import OtpRequested
from libs.contracts.follow_patients import on_patient_changed
from libs.contracts.registry import PatientRegistered, PatientUpdated
from libs.contracts.scheduling import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentRescheduled,
    WaitlistOffered,
)
from services.notifications.consumers.on_auth import on_otp_requested
from services.notifications.consumers.on_scheduling import (
    on_appointment_cancelled,
    on_appointment_confirmed,
    on_appointment_rescheduled,
    on_waitlist_offered,
)

SUBSCRIPTIONS: dict[type[Event], Handler] = {
    OtpRequested: on_otp_requested,
    AppointmentConfirmed: on_appointment_confirmed,
    AppointmentRescheduled: on_appointment_rescheduled,
    AppointmentCancelled: on_appointment_cancelled,
    WaitlistOffered: on_waitlist_offered,
    PatientRegistered: on_patient_changed,
    PatientUpdated: on_patient_changed,
}
