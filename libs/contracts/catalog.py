"""Every event of the platform with its publisher and its subscribers; `docs/events.md` is generated from it.

Relays know the subscribers from here: they make every queue before they publish, so that an event reaches also a
service that is started later for the first time.
"""

from collections.abc import Mapping
from types import MappingProxyType

from libs.common.audit import AUDIT_EXCHANGE
from libs.common.messaging.events import Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.topology import Inbox
from libs.contracts import audit, auth, notifications, registry, scheduling

EVENTS: tuple[type[Event], ...] = (
    *auth.EVENTS,
    *registry.EVENTS,
    *scheduling.EVENTS,
    *notifications.EVENTS,
    *audit.EVENTS,
)

SERVICES = ("auth", "registry", "scheduling", "clinical", "billing", "automation", "notifications", "documents",
            "reporting", "audit")  # fmt: skip

SUBSCRIBERS: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {
        "registry": (auth.ClinicChanged,),
        "scheduling": (
            auth.ClinicChanged,
            auth.StaffChanged,
            registry.PatientRegistered,
            registry.PatientUpdated,
            scheduling.SlotReleased,
        ),
        "notifications": (
            auth.OtpRequested,
            registry.PatientRegistered,
            registry.PatientUpdated,
            scheduling.AppointmentConfirmed,
            scheduling.AppointmentRescheduled,
            scheduling.AppointmentCancelled,
            scheduling.WaitlistOffered,
        ),
        "audit": (registry.PatientRegistered, registry.PatientUpdated),
    }
)
"""The events in each service's `consumers/subscriptions.py`; a test compares the two."""


def consumers_of(event: type[Event]) -> list[str]:
    """The services that listen to this event."""
    return sorted(service for service, events in SUBSCRIBERS.items() if event in events)


def inboxes() -> list[Inbox]:
    """The inboxes of all subscribers; audit's takes every service's entries, too."""
    entries = [(AUDIT_EXCHANGE, f"{service}.audit") for service in SERVICES]
    return [
        Inbox(
            service,
            (
                *((EVENTS_EXCHANGE, event.routing_key()) for event in events),
                *(entries if service == "audit" else ()),
            ),
        )
        for service, events in SUBSCRIBERS.items()
    ]
