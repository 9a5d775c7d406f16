"""What this service does by itself, on one page: no cron table, but a sender that looks for due work all the time."""

from typing import Protocol

from libs.common.worker import Part
from services.notifications.adapters.registration import TemplateRegistration
from services.notifications.jobs.sender import Sender
from services.notifications.settings import NotificationsSettings


class SendingRuntime(Protocol):
    """What the worker's parts are made by."""

    @property
    def settings(self) -> NotificationsSettings: ...
    def sender(self) -> Sender: ...
    def registration(self) -> TemplateRegistration: ...


def parts(runtime: SendingRuntime) -> dict[str, Part]:
    """The sender; in development also what makes our texts known to the sandbox."""
    if runtime.settings.registers_templates:
        return {"sender": runtime.sender(), "registration": runtime.registration()}
    return {"sender": runtime.sender()}
