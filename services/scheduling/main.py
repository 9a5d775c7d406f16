"""The scheduling API, as uvicorn finds it: `uvicorn services.scheduling.main:app`."""

from fastapi import FastAPI

from libs.common.web.app import create_app
from services.scheduling.api import appointments, calendar, desk, internal
from services.scheduling.bootstrap import SchedulingRuntime, scheduling


def build(runtime: SchedulingRuntime) -> FastAPI:
    """The app on this runtime."""
    return create_app(
        runtime,
        title="Scheduling",
        description="When a doctor can be seen, and who has which time.",
        routers=[appointments.router, calendar.router, desk.router, internal.router],
    )


app = build(scheduling())
