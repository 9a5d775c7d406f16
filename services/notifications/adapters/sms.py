"""SMS through an Indian gateway: every text is registered with the operators under a DLT template id."""

from typing import Any

import httpx
from pydantic import BaseModel, Field, ValidationError

from libs.common.errors import Problem
from libs.common.resilience.http_client import OutboundClient, UpstreamRejected
from services.notifications.adapters.vendor_call import called
from services.notifications.domain.letter import Letter
from services.notifications.domain.outcome import Answer, Outcome, Receipt, Result

_PASSING = frozenset({"SERVICE_UNAVAILABLE", "INTERNAL_ERROR", "RATE_LIMITED"})
_ALREADY_TAKEN = "CLIENT_REF_REUSED"
_NEVER_TAKEN = "REQUEST_UNKNOWN"
STANDS_AT = {"ACCEPTED": Receipt.SENT, "DELIVERED": Receipt.DELIVERED, "FAILED": Receipt.FAILED}


class SmsReceipt(BaseModel):
    """How far a message is, as the gateway answers and as its webhook reports."""

    request_id: str = Field(alias="requestId", min_length=1, max_length=128)
    client_ref: str | None = Field(None, alias="clientRef", max_length=128)
    status: str = Field(max_length=40)


class Sms:
    """`clientRef` is our reference: the gateway takes a message once, however often it is sent."""

    def __init__(self, client: OutboundClient, *, api_key: str, sender: str, principal_entity_id: str) -> None:
        self._client = client
        self._headers = {"X-Api-Key": api_key}
        self._sender = sender
        self._principal_entity_id = principal_entity_id

    async def send(self, letter: Letter) -> Outcome:
        body = {
            "to": letter.to,
            "sender": self._sender,
            "body": letter.text,
            "principalEntityId": self._principal_entity_id,
            "dltTemplateId": letter.template_id,
            "clientRef": letter.ref,
        }
        return await called(
            self._client.request("POST", "/sms/send", json=body, headers=self._headers),
            accepted=_accepted,
            refused=_refused,
        )

    async def ask(self, ref: str) -> Answer | None:
        try:
            response = await self._client.request(
                "GET", "/sms/status", params={"clientRef": ref}, headers=self._headers
            )
            known = SmsReceipt.model_validate_json(response.content)
        except UpstreamRejected as refused:
            return Answer(receipt=None) if refused.body_code == _NEVER_TAKEN else None
        except (Problem, ValidationError):
            return None
        return Answer(receipt=STANDS_AT.get(known.status, Receipt.SENT), message_id=known.request_id)


def _accepted(response: httpx.Response) -> str:
    return str(response.json()["requestId"])


def _refused(body: Any) -> Outcome | None:
    """What a `rejected` answer means. Only one of them leaves open whether a message went out: an earlier one did."""
    code = str(body["code"])
    if body["status"] != "rejected":
        return None
    if code == _ALREADY_TAKEN:
        return Outcome(result=Result.UNANSWERED, code="sms_already_taken")
    return Outcome(result=Result.FAILED if code in _PASSING else Result.REFUSED, code=f"sms_{code.lower()}")
