"""WhatsApp's HTTP face, and the sandbox's own calls around it."""

import re
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.faults import FaultBoard, FaultMode, Provider, silence
from sandbox.messages import same_address
from sandbox.whatsapp.account import SendRequest, WhatsAppAccount
from sandbox.whatsapp.errors import (
    BAD_TOKEN,
    FAULTS,
    INVALID_PARAMETER,
    NO_TOKEN,
    PARAMETER_MISSING,
    UNKNOWN_SENDER,
    GraphError,
)
from sandbox.whatsapp.templates import TemplateText

VERSION = re.compile(r"\d{1,2}(\.\d)?")


class Reply(BaseModel):
    """A person's message to the clinic. `from`: their number in E.164."""

    model_config = ConfigDict(extra="forbid")

    sender: Annotated[str, Field(alias="from", pattern=r"^\s*\+?[1-9]\d{7,14}$")]
    text: str = Field(min_length=1, max_length=4_096)


def routes(account: WhatsAppAccount, faults: FaultBoard, token: str, verify_token: str) -> APIRouter:
    """Meta's one call, and the sandbox's own: templates, the handshake, a person's reply."""
    router = APIRouter()

    @router.post("/v{version}/{phone_number_id}/messages", tags=["whatsapp"])
    async def send(
        request: Request,
        version: str,
        phone_number_id: str,
        authorization: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        """Send a template, or free text within 24 hours of a reply; statuses follow by webhook."""
        fault = await faults.meet(Provider.WHATSAPP, request, FAULTS)
        _check_token(authorization, token)
        if phone_number_id != account.phone_number_id or not VERSION.fullmatch(version):
            raise GraphError(UNKNOWN_SENDER)
        message = _decoded(await request.body())
        message_id, number = account.send(message)
        if fault.mode is FaultMode.LOST:
            await silence(request)
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": message.to, "wa_id": number.lstrip("+")}],
            "messages": [{"id": message_id}],
        }

    @router.put("/whatsapp/templates/{name}/{language}", tags=["sandbox"])
    async def register(
        name: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,512}$")],
        language: Annotated[str, Path(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")],
        text: TemplateText,
    ) -> TemplateText:
        """Approve a template's text; no other is sent."""
        account.templates.register(name, language, text)
        return text

    @router.post("/whatsapp/subscribe", tags=["sandbox"])
    async def subscribe() -> dict[str, bool]:
        """Perform the GET handshake with the gateway's webhook now."""
        await account.subscribe(verify_token)
        return {"success": True}

    @router.post("/whatsapp/incoming", tags=["sandbox"], status_code=201)
    async def incoming(reply: Reply) -> dict[str, str]:
        """A person writes to the clinic."""
        return {"id": account.reply(same_address(reply.sender), reply.text)}

    return router


def _check_token(authorization: str | None, token: str) -> None:
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise GraphError(NO_TOKEN)
    if not secrets.compare_digest(given.encode(), token.encode()):
        raise GraphError(BAD_TOKEN)


def _decoded(body: bytes) -> SendRequest:
    try:
        return SendRequest.model_validate_json(body)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        code = PARAMETER_MISSING if first["type"] == "missing" else INVALID_PARAMETER
        raise GraphError(code, f"{where}: {first['msg']}") from problem
