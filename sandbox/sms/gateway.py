"""What the SMS gateway does with a message: check it, deliver it, and report by webhook."""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sandbox.background import Background
from sandbox.messages import Channel, Message, MessageStore, Status
from sandbox.newest import Newest
from sandbox.phones import Phones
from sandbox.sms.dlt import DltTemplate
from sandbox.sms.errors import SmsError
from sandbox.webhooks import Subscriber, Webhooks

NUMBER = re.compile(r"\+[1-9]\d{7,14}")
HEADER = re.compile(r"[A-Za-z]{6}")
TEMPLATE_ID = re.compile(r"\d{12,19}")
TEMPLATES_KEPT = 1_000


class SmsRequest(BaseModel):
    """The body of `POST /sms/send`, in camelCase on the wire. `client_ref` makes a repeated call harmless."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    to: str
    sender: str
    body: str = Field(min_length=1, max_length=2_000)
    principal_entity_id: str = Field(min_length=1, max_length=64)
    dlt_template_id: str
    client_ref: str | None = Field(None, min_length=1, max_length=128)


class SmsStatus(BaseModel):
    """Where one message stands: ACCEPTED, DELIVERED or FAILED. Also the body of the receipt webhook."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    request_id: str
    client_ref: str | None
    number: str
    status: str
    description: str
    at: datetime


@dataclass(frozen=True)
class _Sent:
    request: SmsRequest
    status: SmsStatus


@dataclass
class SmsGateway:
    """One account at the gateway."""

    messages: MessageStore
    phones: Phones
    webhooks: Webhooks
    background: Background
    subscriber: Subscriber
    now: Callable[[], datetime]
    delivered_after_seconds: float
    kept: int
    known_templates: Mapping[str, DltTemplate]

    def __post_init__(self) -> None:
        self._templates: Newest[str, DltTemplate] = Newest(TEMPLATES_KEPT)
        self._templates.update(self.known_templates)
        self._sent: Newest[str, _Sent] = Newest(self.kept)
        self._by_client_ref: Newest[str, str] = Newest(self.kept)

    def register(self, template_id: str, template: DltTemplate) -> None:
        """Register a text, or replace it. Raises SmsError when the id is not a DLT template id."""
        _require(TEMPLATE_ID, template_id, "DLT_TEMPLATE_ID_INVALID", "A template id has 12 to 19 digits.")
        self._templates[template_id] = template

    def send(self, request: SmsRequest) -> str:
        """Accept one message; returns its request id. The same `client_ref` again sends nothing more.

        Raises: SmsError when the message breaks a rule, or when `client_ref` was used for another message.
        """
        earlier = self._sent.get(self._by_client_ref.get(request.client_ref or "", ""))
        if earlier:
            if earlier.request != request:
                raise SmsError(409, "CLIENT_REF_REUSED", "This clientRef was used for another message.")
            return earlier.status.request_id
        self._check(request)
        status = SmsStatus(
            request_id=secrets.token_hex(12),
            client_ref=request.client_ref,
            number=request.to,
            status="ACCEPTED",
            description="Message accepted",
            at=self.now(),
        )
        self._sent[status.request_id] = _Sent(request, status)
        if request.client_ref:
            self._by_client_ref[request.client_ref] = status.request_id
        self.messages.add(
            Message(
                id=status.request_id,
                channel=Channel.SMS,
                to=request.to,
                template=request.dlt_template_id,
                body=request.body,
                at=status.at,
                sender=request.sender,
            )
        )
        self.background.start(self._deliver(status.request_id))
        return status.request_id

    def status(self, request_id: str) -> SmsStatus:
        """Where a message stands. Raises SmsError (404) when the gateway does not know it."""
        if sent := self._sent.get(request_id):
            return sent.status
        raise SmsError(404, "REQUEST_UNKNOWN", "No message with this id was accepted.")

    def status_by_client_ref(self, client_ref: str) -> SmsStatus:
        """The same, asked by the caller's own reference."""
        return self.status(self._by_client_ref.get(client_ref, ""))

    def _check(self, request: SmsRequest) -> None:
        _require(NUMBER, request.to, "NUMBER_INVALID", "The number must be in E.164 form, such as +919876543210.")
        _require(HEADER, request.sender, "DLT_HEADER_INVALID", "A header has 6 letters.")
        _require(
            TEMPLATE_ID,
            request.dlt_template_id,
            "DLT_TEMPLATE_ID_INVALID",
            "A template id has 12 to 19 digits.",
        )
        template = self._templates.get(request.dlt_template_id)
        if template is None:
            raise SmsError(400, "DLT_TEMPLATE_UNKNOWN", "No text is registered under this template id.")
        template.check(request.body, self.now())

    async def _deliver(self, request_id: str) -> None:
        await asyncio.sleep(self.delivered_after_seconds)
        sent = self._sent.get(request_id)
        if sent is None:  # forgotten meanwhile: more messages than are kept came in
            return
        reached = self.phones.at(sent.request.to).sms
        outcome, description = ("DELIVERED", "Delivered to handset") if reached else ("FAILED", "Absent subscriber")
        status = sent.status.model_copy(
            update={"status": outcome, "description": description, "at": self.now().astimezone(UTC)}
        )
        self._sent[request_id] = replace(sent, status=status)
        self.messages.move(request_id, Status.DELIVERED if reached else Status.FAILED, None if reached else description)
        self.webhooks.send(self.subscriber, status.model_dump(mode="json", by_alias=True))


def _require(pattern: re.Pattern[str], value: str, code: str, description: str) -> None:
    if not pattern.fullmatch(value):
        raise SmsError(400, code, description)
