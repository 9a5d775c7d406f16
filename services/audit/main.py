"""The audit API, as uvicorn finds it: `uvicorn services.audit.main:app`."""

from fastapi import FastAPI

from libs.common.web.app import create_app
from services.audit.api import events
from services.audit.bootstrap import AuditRuntime, audit


def build(runtime: AuditRuntime) -> FastAPI:
    """The app on this runtime."""
    return create_app(
        runtime,
        title="Audit & Compliance",
        description="The record of who did what, which nobody can change unnoticed.",
        routers=[events.router],
    )


app = build(audit())
