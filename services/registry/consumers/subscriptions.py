"""What the registry listens to, on one page."""

from libs.common.messaging.consumer import Handler
from libs.common.messaging.events import Event
from libs.contracts.auth import ClinicChanged
from services.registry.consumers.on_auth import on_clinic_changed

SUBSCRIPTIONS: dict[type[Event], Handler] = {ClinicChanged: on_clinic_changed}
