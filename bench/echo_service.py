"""Endpoints as plain as they come, behind both proxies and beside the kernel: what everything else is compared with.

`app` is bare FastAPI with the sizes of a real request and answer. `observed` is the same inside the kernel's layers:
request id, log line, metrics, and traces at the default sampling. It also stands in for auth: it publishes the key
that the bench signs tokens with.
"""

import os
from datetime import datetime

from fastapi import FastAPI, Response
from pydantic import BaseModel

from bench.raw_client import RawParts
from libs.common.settings import ServiceSettings
from libs.common.telemetry.asgi import NATIVE_TELEMETRY_OFF, TracingMiddleware
from libs.common.telemetry.logs import setup_logging
from libs.common.telemetry.tracing import setup_tracing
from libs.common.web.request_scope import RequestScope


class Patient(BaseModel):
    id: str
    given_name: str
    phone: str
    language: str


class Request(BaseModel):
    """As much as a request for an appointment says."""

    slot_id: str
    patient_id: str
    reason: str | None = None
    hold: bool = False


class Answer(BaseModel):
    """As much as an appointment's view shows."""

    id: str
    status: str
    slot_id: str
    doctor_id: str
    patient_id: str
    start: datetime
    end: datetime
    mode: str
    reason: str | None
    hold_expires_at: datetime | None
    token_number: int | None
    overbooked: bool


START, END = datetime.fromisoformat("2026-11-25T04:30:00Z"), datetime.fromisoformat("2026-11-25T04:45:00Z")


def build() -> FastAPI:
    """The bare app."""
    bare = FastAPI(openapi_url=None, telemetry=NATIVE_TELEMETRY_OFF)
    opened: list[RawParts] = []

    @bare.get("/healthz")
    @bare.get("/readyz")
    async def ready() -> dict[str, str]:
        return {}

    @bare.get("/.well-known/jwks.json")
    async def keys() -> Response:
        return Response(os.environ["BENCH_JWKS"], media_type="application/json")

    @bare.get("/.well-known/revoked-sessions")
    async def revoked() -> dict[str, list[str]]:
        return {"sids": []}

    @bare.get("/patients/{patient_id}")
    async def patient(patient_id: str) -> Patient:
        return Patient(id=patient_id, given_name="Asha", phone="+919812345678", language="mr")

    @bare.post("/patients", status_code=201)
    async def create(body: Request) -> Answer:
        return _answer(body)

    @bare.post("/patients/{patient_id}/consents", status_code=201)  # a path that the gateway lets through to here
    async def book_bare(body: Request) -> Answer:
        """A booking's raw parts put together, with nothing around them; the first such request comes alone."""
        if not opened:
            opened.append(await RawParts().open())
        await opened[0].lock_and_unlock()
        await opened[0].insert()
        return _answer(body)

    return bare


def _answer(body: Request) -> Answer:
    return Answer(
        id="apt_01j9zqk5w0e5ta3m3w2x0v6h7c",
        status="CONFIRMED",
        slot_id=body.slot_id,
        doctor_id="usr_01j9zqk5w0e5ta3m3w2x0v6h7c",
        patient_id=body.patient_id,
        start=START,
        end=END,
        mode="in_person",
        reason=body.reason,
        hold_expires_at=None,
        token_number=None,
        overbooked=False,
    )


def build_observed() -> FastAPI:
    """The same app, observed as every service is."""
    settings = ServiceSettings(service_name="observed")
    setup_logging(settings.service_name, settings.log_level)
    setup_tracing(settings.service_name, settings)
    wrapped = build()
    wrapped.add_middleware(RequestScope, service=settings.service_name, max_body_bytes=settings.max_body_bytes)
    wrapped.add_middleware(TracingMiddleware)
    return wrapped


def __getattr__(name: str) -> FastAPI:
    """Each process makes only the app it serves: telemetry is set up once for a process."""
    if name in ("app", "observed"):
        return build() if name == "app" else build_observed()
    raise AttributeError(name)
