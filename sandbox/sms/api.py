"""The SMS gateway's HTTP face."""

import secrets
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from pydantic import ValidationError

from sandbox.faults import FaultBoard, FaultMode, Provider, silence
from sandbox.sms.dlt import DltTemplate
from sandbox.sms.errors import FAULTS, SmsError
from sandbox.sms.gateway import SmsGateway, SmsRequest, SmsStatus


def routes(gateway: SmsGateway, faults: FaultBoard, api_key: str) -> APIRouter:
    """The gateway's three calls, and the sandbox's own for registering templates."""
    router = APIRouter(prefix="/sms", tags=["sms"])

    def check_key(given: str | None) -> None:
        if given is None or not secrets.compare_digest(given.encode(), api_key.encode()):
            raise SmsError(401, "AUTH_FAILED", "The X-Api-Key header is missing or wrong.")

    @router.post("/send")
    async def send(request: Request, x_api_key: Annotated[str | None, Header()] = None) -> dict[str, str]:
        """Send one message; receipts follow by webhook."""
        fault = await faults.meet(Provider.SMS, request, FAULTS)
        check_key(x_api_key)
        request_id = gateway.send(_decoded(await request.body()))
        if fault.mode is FaultMode.LOST:
            await silence(request)
        return {"requestId": request_id, "status": "accepted"}

    async def asked(request: Request, x_api_key: str | None, find: Callable[[], SmsStatus]) -> SmsStatus:
        await faults.meet(Provider.SMS, request, FAULTS)
        check_key(x_api_key)
        return find()

    @router.get("/status/{request_id}")
    async def status(request: Request, request_id: str, x_api_key: Annotated[str | None, Header()] = None) -> SmsStatus:
        """Where a message stands, by the gateway's id."""
        return await asked(request, x_api_key, lambda: gateway.status(request_id))

    @router.get("/status")
    async def status_by_client_ref(
        request: Request,
        client_ref: Annotated[str, Query(alias="clientRef")] = "",
        x_api_key: Annotated[str | None, Header()] = None,
    ) -> SmsStatus:
        """Where a message stands, by the caller's own reference."""
        return await asked(request, x_api_key, lambda: gateway.status_by_client_ref(client_ref))

    @router.put("/templates/{dlt_template_id}", tags=["sandbox"])
    async def register(dlt_template_id: str, template: DltTemplate) -> DltTemplate:
        """Register a text, as a clinic does on the operator's DLT portal."""
        gateway.register(dlt_template_id, template)
        return template

    return router


def _decoded(body: bytes) -> SmsRequest:
    try:
        return SmsRequest.model_validate_json(body)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise SmsError(400, "INVALID_REQUEST", f"{where}: {first['msg']}") from problem
