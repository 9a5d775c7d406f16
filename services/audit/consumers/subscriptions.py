"""What audit listens to: the registry's events, and the audit entries of every service."""

from libs.common.audit import AUDIT_EXCHANGE
from libs.common.messaging.consumer import Handler, Subscription
from libs.common.messaging.events import Event
from libs.contracts.catalog import SERVICES
from libs.contracts.follow_patients import on_patient_changed
from libs.contracts.registry import PatientRegistered, PatientUpdated
from services.audit.use_cases.append_entry import append_entry

SUBSCRIPTIONS: dict[type[Event], Handler] = {
    PatientRegistered: on_patient_changed,
    PatientUpdated: on_patient_changed,
}

ENTRIES = [Subscription(AUDIT_EXCHANGE, f"{service}.audit", None, append_entry) for service in SERVICES]
