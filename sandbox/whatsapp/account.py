"""What WhatsApp does with a message: check it, carry it to the phone, and report each step by webhook."""

import asyncio
import base64
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import httpx
from pydantic import BaseModel, Field, model_validator

from sandbox.background import Background
from sandbox.messages import Channel, Direction, Message, MessageStore, Status, same_address
from sandbox.newest import Newest
from sandbox.phones import Phones
from sandbox.webhooks import Subscriber, Webhooks
from sandbox.whatsapp.errors import (
    CALLBACK_FAILED,
    PARAMETER_VALUE_INVALID,
    UNDELIVERABLE,
    WINDOW_CLOSED,
    GraphError,
)
from sandbox.whatsapp.limits import SendLimits
from sandbox.whatsapp.templates import TemplateBook, TemplateCall

WINDOW = timedelta(hours=24)
NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
WRITTEN_NUMBER = re.compile(r"[(]?\+?[0-9 ().-]+")
BUSINESS_ACCOUNT_ID = "102290129340398"
BUSINESS_NUMBER = "918000000001"


class TextPart(BaseModel):
    """Free text."""

    body: str = Field(min_length=1, max_length=4_096)
    preview_url: bool = False


class SendRequest(BaseModel):
    """The body of `POST /v{N}/{phone_number_id}/messages`. The callback data comes back in every status."""

    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"] = "individual"
    to: str = Field(max_length=40)
    type: Literal["text", "template"] = "text"
    text: TextPart | None = None
    template: TemplateCall | None = None
    biz_opaque_callback_data: str | None = Field(None, max_length=512)

    @model_validator(mode="after")
    def _has_its_part(self) -> "SendRequest":
        if getattr(self, self.type) is None:
            raise ValueError(f"the parameter {self.type} is required")
        return self

    @property
    def number(self) -> str:
        """The recipient in E.164; Meta forgives blanks, dashes, dots, brackets and a missing `+`, and nothing else."""
        number = same_address(self.to)
        if not WRITTEN_NUMBER.fullmatch(self.to.strip()) or not NUMBER.fullmatch(number):
            raise GraphError(PARAMETER_VALUE_INVALID, "to: not a phone number")
        return number


@dataclass
class WhatsAppAccount:
    """One business phone number at WhatsApp."""

    messages: MessageStore
    phones: Phones
    webhooks: Webhooks
    background: Background
    subscriber: Subscriber
    limits: SendLimits
    now: Callable[[], datetime]
    phone_number_id: str
    delivered_after_seconds: float
    read_after_seconds: float

    def __post_init__(self) -> None:
        self.templates = TemplateBook()
        self._last_reply: Newest[str, datetime] = Newest(self.messages.keep)

    def send(self, request: SendRequest) -> tuple[str, str]:
        """Accept one message; returns its id and the recipient's number.

        Raises: GraphError when the number, the template, the 24 hours' window or a rate limit forbids it.
        """
        number = request.number
        self.limits.take(number, self.now())
        if request.template:
            template, body = request.template.name, self.templates.render(request.template)
        elif request.text and self._window_is_open(number):
            template, body = None, request.text.body
        else:
            raise GraphError(WINDOW_CLOSED)
        message = Message(_message_id(), Channel.WHATSAPP, number, template, body, self.now())
        self.messages.add(message)
        self.background.start(self._carry(message, request.biz_opaque_callback_data))
        return message.id, number

    def reply(self, number: str, text: str) -> str:
        """A person writes: opens the window and reaches the gateway by webhook. Returns the id."""
        message = Message(
            _message_id(), Channel.WHATSAPP, number, None, text, self.now(), Direction.IN, Status.DELIVERED
        )
        self._last_reply[number] = message.at
        self._last_reply.move_to_end(number)
        self.messages.add(message)
        wa_id = number.lstrip("+")
        self._notify(
            contacts=[{"profile": {"name": f"Patient {wa_id[-4:]}"}, "wa_id": wa_id}],
            messages=[
                {
                    "from": wa_id,
                    "id": message.id,
                    "timestamp": _seconds(message.at),
                    "type": "text",
                    "text": {"body": text},
                }
            ],
        )
        return message.id

    async def subscribe(self, verify_token: str) -> None:
        """Perform Meta's handshake. Raises GraphError 2200 when the webhook does not echo the challenge."""
        challenge = str(secrets.randbelow(10**10))
        params = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        try:
            answer = await self.webhooks.handshake(self.subscriber, params)
        except httpx.HTTPError as problem:
            raise GraphError(CALLBACK_FAILED, f"no answer: {type(problem).__name__}") from problem
        if answer.status_code != httpx.codes.OK:
            raise GraphError(CALLBACK_FAILED, f"HTTP Status Code = {answer.status_code}")
        if answer.text != challenge:
            raise GraphError(CALLBACK_FAILED, "the answer is not the challenge")

    def _window_is_open(self, number: str) -> bool:
        last = self._last_reply.get(number)
        return last is not None and self.now() - last < WINDOW

    async def _carry(self, message: Message, callback_data: str | None) -> None:
        for seconds, status in self._journey(message.to):
            await asyncio.sleep(seconds)
            failed = status is Status.FAILED
            self.messages.move(message.id, status, UNDELIVERABLE.title if failed else None)
            report: dict[str, object] = {
                "id": message.id,
                "status": status.value,
                "timestamp": _seconds(self.now()),
                "recipient_id": message.to.lstrip("+"),
            }
            if callback_data is not None:
                report["biz_opaque_callback_data"] = callback_data
            if failed:
                report["errors"] = [
                    {
                        "code": UNDELIVERABLE.code,
                        "title": UNDELIVERABLE.title,
                        "message": UNDELIVERABLE.title,
                        "error_data": {"details": UNDELIVERABLE.details},
                    }
                ]
            self._notify(statuses=[report])

    def _journey(self, number: str) -> Iterator[tuple[float, Status]]:
        if not self.phones.at(number).whatsapp:
            yield self.delivered_after_seconds, Status.FAILED
            return
        yield 0, Status.SENT
        yield self.delivered_after_seconds, Status.DELIVERED
        yield self.read_after_seconds, Status.READ

    def _notify(self, **parts: object) -> None:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": BUSINESS_NUMBER, "phone_number_id": self.phone_number_id},
            **parts,
        }
        change = {"field": "messages", "value": value}
        entry = {"id": BUSINESS_ACCOUNT_ID, "changes": [change]}
        self.webhooks.send(self.subscriber, {"object": "whatsapp_business_account", "entry": [entry]})


def _message_id() -> str:
    return "wamid." + base64.b64encode(secrets.token_bytes(33)).decode()


def _seconds(moment: datetime) -> str:
    """Meta writes times as seconds since 1970, in a string."""
    return str(int(moment.timestamp()))
