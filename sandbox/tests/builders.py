"""What the tests are made of: a clinic that gets the webhooks, a clock that stands still, messages to send."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

NOON_IST = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
WHATSAPP = "/v21.0/106540352242922/messages"
WHATSAPP_AUTH = {"Authorization": "Bearer sandbox-whatsapp-token"}
SMS_AUTH = {"X-Api-Key": "sandbox-sms-api-key"}
OTP_TEMPLATE = "110700000000001"
ASHA = "+919876543210"


class Clock:
    """Holds still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON_IST

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Clinic:
    """The receiving end of the webhooks: refuses the next `refusals`, keeps every call it got."""

    url: str = ""
    refusals: int = 0
    challenge_answer: str | None = None
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def start_afresh(self) -> None:
        self.refusals, self.challenge_answer = 0, None
        self.calls.clear()

    def payloads(self, path: str) -> list[Any]:
        return [json.loads(body) for called, _, body in self.calls if called == path]

    def statuses(self) -> list[dict[str, Any]]:
        values = [payload["entry"][0]["changes"][0]["value"] for payload in self.payloads("/webhooks/whatsapp")]
        return [status for value in values for status in value.get("statuses", [])]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (there is nothing to be told by)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app on a free port; yields its base URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


def clinic_app(clinic: Clinic) -> FastAPI:
    app = FastAPI()

    @app.api_route("/webhooks/{vendor}", methods=["GET", "POST"])
    async def webhook(request: Request) -> Response:
        if request.method == "GET":
            right = request.query_params["hub.verify_token"] == "sandbox-whatsapp-verify-token"
            echo = clinic.challenge_answer or request.query_params["hub.challenge"]
            return Response(echo if right else "", 200 if right else 403)
        clinic.calls.append((request.url.path, dict(request.headers), await request.body()))
        if clinic.refusals:
            clinic.refusals -= 1
            return Response(status_code=503)
        return Response(status_code=200)

    return app


def template(*values: str, to: str = ASHA, name: str = "note", **more: Any) -> dict[str, Any]:
    """The body of a WhatsApp template message."""
    parameters = [{"type": "text", "text": value} for value in values]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {
            "name": name,
            "language": {"code": "en"},
            "components": [{"type": "body", "parameters": parameters}],
        },
        **more,
    }


def text(body: str, to: str = ASHA) -> dict[str, Any]:
    """The body of a WhatsApp free text."""
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}}


def sms(body: str = "Your code is 123456.", **more: Any) -> dict[str, Any]:
    """The body of an SMS."""
    return {
        "to": ASHA,
        "sender": "CLINIC",
        "body": body,
        "principalEntityId": "1101",
        "dltTemplateId": OTP_TEMPLATE,
        **more,
    }
