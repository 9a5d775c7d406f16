"""Events of the Patient Registry."""

from libs.common.messaging.events import Event


class RegistryEvent(Event):
    publisher = "registry"


class PatientRegistered(RegistryEvent):
    """A patient is known to the clinic. `accounts` are keyed pseudonyms of the phones that may act for them."""

    type = "PATIENT_REGISTERED"
    aggregate_type = "patient"
    patient_id: str
    accounts: list[str]
    active: bool = True


class PatientUpdated(RegistryEvent):
    """Something about the patient changed: who may act for them, or whether the record is active."""

    type = "PATIENT_UPDATED"
    aggregate_type = "patient"
    patient_id: str
    accounts: list[str]
    active: bool = True


class ConsentGranted(RegistryEvent):
    """A consent is in force."""

    type = "CONSENT_GRANTED"
    aggregate_type = "consent"
    consent_id: str
    patient_id: str
    purpose: str
    scope: list[str] = []


class ConsentWithdrawn(RegistryEvent):
    """A consent no longer holds."""

    type = "CONSENT_WITHDRAWN"
    aggregate_type = "consent"
    consent_id: str
    patient_id: str
    purpose: str


EVENTS: tuple[type[Event], ...] = (PatientRegistered, PatientUpdated, ConsentGranted, ConsentWithdrawn)
