"""What vendors tell us: how far messages came, and what people write back.

The body is checked against its signature as the bytes that came, before anything reads it. Vendors repeat what is not
answered with 2xx, so an unknown message is thanked for and ignored.
"""

import hmac
from collections.abc import Iterable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ValidationError

from libs.common.errors import BadRequest, problems
from libs.common.security.caller import system_caller
from libs.common.security.permissions import public
from libs.common.telemetry.metrics import counter
from libs.contracts.auth_api import account_id
from services.notifications.adapters.signatures import SignedBy
from services.notifications.adapters.sms import STANDS_AT, SmsReceipt
from services.notifications.adapters.whatsapp_webhook import IncomingText, WhatsAppWebhook
from services.notifications.api import access
from services.notifications.api.schemas import Received
from services.notifications.domain import errors
from services.notifications.domain.keywords import turns
from services.notifications.domain.outcome import Receipt
from services.notifications.domain.purposes import Channel
from services.notifications.use_cases.record_receipt import RecordReceipt, record_receipt
from services.notifications.use_cases.set_preference import TurnChannel, turn_channel

M = TypeVar("M", bound=BaseModel)

router = APIRouter(tags=["webhooks"])

_SIGNED = [public("the vendor signs the body")]
_RECEIPTS = counter("notification_receipts", "Reports of vendors about messages", "channel", "outcome")
_SERVICE = system_caller("notifications", None)


@router.get(
    "/webhooks/whatsapp",
    response_class=PlainTextResponse,
    dependencies=[public("the verify token is the proof")],
    responses=problems(errors.VerifyTokenWrong),
)
async def shake_hands(
    expected: access.VerifyToken,
    challenge: Annotated[str, Query(alias="hub.challenge", min_length=1, max_length=200, pattern=r"^[\w.-]+$")],
    verify_token: Annotated[str, Query(alias="hub.verify_token", max_length=200)],
    mode: Annotated[str, Query(alias="hub.mode", max_length=40)] = "subscribe",
) -> str:
    """Meta makes sure that the address is ours, once, when it is configured."""
    known = expected.get_secret_value()
    if mode != "subscribe" or not known or not hmac.compare_digest(verify_token.encode(), known.encode()):
        raise errors.VerifyTokenWrong
    return challenge


@router.post("/webhooks/whatsapp", dependencies=_SIGNED, responses=problems(errors.SignatureInvalid))
async def whatsapp_reports(
    request: Request,
    signed_by: access.SignedByWhatsApp,
    transact: access.Transact,
    patients: access.Patients,
    account_key: access.AccountKey,
    x_hub_signature_256: Annotated[str | None, Header(max_length=200)] = None,
) -> Received:
    """Statuses of messages, and what people write: STOP opts out of WhatsApp, START in again."""
    webhook = _read(WhatsAppWebhook, await request.body(), signed_by, x_hub_signature_256)
    for text in webhook.texts():
        await _heed(text, transact, patients, account_key)
    return await _record(transact, webhook.receipts())


@router.post("/webhooks/sms", dependencies=_SIGNED, responses=problems(errors.SignatureInvalid))
async def sms_reports(
    request: Request,
    signed_by: access.SignedBySms,
    transact: access.Transact,
    x_signature: Annotated[str | None, Header(max_length=200)] = None,
) -> Received:
    """How far one message came."""
    told = _read(SmsReceipt, await request.body(), signed_by, x_signature)
    receipt = STANDS_AT.get(told.status)
    if receipt is None:
        return Received(known=0, ignored=1)
    command = RecordReceipt(
        channel=Channel.SMS,
        receipt=receipt,
        message_id=told.request_id,
        ref=told.client_ref,
        code="sms_not_delivered" if receipt is Receipt.FAILED else None,
    )
    return await _record(transact, [command])


def _read(model: type[M], body: bytes, signed_by: SignedBy, signature: str | None) -> M:
    signed_by.check(body, signature)
    try:
        return model.model_validate_json(body)
    except ValidationError:
        raise BadRequest("The body is not what this webhook takes") from None


async def _record(transact: access.Transact, receipts: Iterable[RecordReceipt]) -> Received:
    received = Received(known=0, ignored=0)
    for receipt in receipts:
        known = await transact(record_receipt, receipt, by=_SERVICE)
        received.known += known
        received.ignored += not known
        _RECEIPTS.labels(receipt.channel, "known" if known else "ignored").inc()
    return received


async def _heed(
    text: IncomingText, transact: access.Transact, patients: access.Patients, account_key: access.AccountKey
) -> None:
    """A keyword holds for everybody this number stands for."""
    out = turns(text.body)
    if out is None:
        return
    for patient_id, clinic_id in (await patients.of_account(account_id(text.number, account_key))).items():
        command = TurnChannel(patient_id=patient_id, channel=Channel.WHATSAPP, out=out, said_at=text.said_at)
        await transact(turn_channel, command, by=system_caller("notifications", clinic_id))
