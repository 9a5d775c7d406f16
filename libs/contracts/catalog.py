"""Every event of the platform with its producer and its consumers; `docs/events.md` is generated from it."""

from importlib import import_module
from pathlib import Path

from libs.common.messaging.events import Event
from libs.contracts import audit, auth, notifications, registry, scheduling

EVENTS: tuple[type[Event], ...] = (
    *auth.EVENTS,
    *registry.EVENTS,
    *scheduling.EVENTS,
    *notifications.EVENTS,
    *audit.EVENTS,
)


def consumers_of(event: type[Event]) -> list[str]:
    """The services whose subscription tables name this event, read from the tables themselves."""
    services = Path(__file__).resolve().parents[2] / "services"
    names = []
    for table in sorted(services.glob("*/consumers/subscriptions.py")):
        service = table.parts[-3]
        subscriptions = import_module(f"services.{service}.consumers.subscriptions").SUBSCRIPTIONS
        if event in subscriptions:
            names.append(service)
    return names
