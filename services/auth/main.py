"""The auth API, as uvicorn finds it: `uvicorn services.auth.main:app`."""

from fastapi import FastAPI

from libs.common.web.app import create_app
from services.auth.api import (
    clinics,
    devices,
    doctors,
    internal,
    login,
    otp,
    second_factor,
    sessions,
    staff,
    well_known,
)
from services.auth.bootstrap import AuthRuntime, auth


def build(runtime: AuthRuntime) -> FastAPI:
    """The app on this runtime."""
    return create_app(
        runtime,
        title="Auth & Identity",
        description="Who somebody is, from which device, and for how long we believe it.",
        routers=[
            otp.router,
            login.router,
            sessions.router,
            second_factor.router,
            devices.router,
            staff.router,
            clinics.router,
            doctors.router,
            well_known.router,
            internal.router,
        ],
    )


app = build(auth())
