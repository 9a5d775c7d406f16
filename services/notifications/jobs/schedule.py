"""What this service does by itself, on one page: a sender that looks for due work all the time, and the cron table."""

from datetime import datetime, timedelta
from typing import Protocol

from libs.common.jobs import Job
from libs.common.worker import Part
from services.notifications.adapters.registration import TemplateRegistration
from services.notifications.jobs.forget_old_messages import OldMessages, forget_old_messages
from services.notifications.jobs.sender import Sender
from services.notifications.settings import NotificationsSettings

NIGHTLY = "45 20 * * *"
"""02:15 in India."""


class WorkingRuntime(Protocol):
    """What the worker's parts and jobs are made by."""

    @property
    def old_messages(self) -> OldMessages: ...
    @property
    def settings(self) -> NotificationsSettings: ...
    def sender(self) -> Sender: ...
    def registration(self) -> TemplateRegistration: ...


def parts(runtime: WorkingRuntime) -> dict[str, Part]:
    """The sender; in development also what makes our texts known to the sandbox."""
    if runtime.settings.registers_templates:
        return {"sender": runtime.sender(), "registration": runtime.registration()}
    return {"sender": runtime.sender()}


def schedule(runtime: WorkingRuntime) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def forget(due: datetime) -> None:
        kept = timedelta(days=runtime.settings.messages_kept_days)
        await forget_old_messages(runtime.old_messages, due - kept)

    return [Job("forget_old_messages", forget, cron=NIGHTLY, catch_up=timedelta(hours=12))]
