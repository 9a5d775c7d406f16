"""What scheduling listens to, on one page."""

from libs.common.messaging.consumer import Handler
from libs.common.messaging.events import Event
from libs.contracts.auth import ClinicChanged, StaffChanged
from libs.contracts.follow_patients import on_patient_changed
from libs.contracts.registry import PatientRegistered, PatientUpdated
from libs.contracts.scheduling import SlotReleased
from services.scheduling.consumers.on_auth import on_clinic_changed, on_staff_changed
from services.scheduling.use_cases.offer_freed_slot import offer_freed_slot

SUBSCRIPTIONS: dict[type[Event], Handler] = {
    ClinicChanged: on_clinic_changed,
    StaffChanged: on_staff_changed,
    PatientRegistered: on_patient_changed,
    PatientUpdated: on_patient_changed,
    SlotReleased: offer_freed_slot,
}
