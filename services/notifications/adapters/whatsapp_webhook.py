"""The body of Meta's webhook, as far as we read it. Source: developers.facebook.com, Cloud API, "Webhooks"."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from services.notifications.domain.outcome import Receipt
from services.notifications.domain.purposes import Channel
from services.notifications.use_cases.record_receipt import RecordReceipt

_RECEIPTS = {receipt.value: receipt for receipt in Receipt}
_Id = Annotated[str, Field(min_length=1, max_length=256)]


class _Error(BaseModel):
    code: int


class _Status(BaseModel):
    id: _Id
    status: str
    biz_opaque_callback_data: Annotated[str, Field(max_length=512)] | None = None
    errors: list[_Error] = []


class _Text(BaseModel):
    body: str


class _Message(BaseModel):
    sender: Annotated[str, Field(alias="from", pattern=r"^\d{8,15}$")]
    timestamp: AwareDatetime
    text: _Text | None = None


class _Value(BaseModel):
    statuses: list[_Status] = []
    messages: list[_Message] = []


class _Change(BaseModel):
    value: _Value = _Value()


class _Entry(BaseModel):
    changes: list[_Change] = []


@dataclass(frozen=True, slots=True, repr=False)
class IncomingText:
    """What a person wrote, and when by Meta's clock. `number` is E.164."""

    number: str
    body: str
    said_at: datetime


class WhatsAppWebhook(BaseModel):
    """One delivery; it may carry many statuses and texts. Kinds we do not know are passed over."""

    entry: list[_Entry] = []

    def receipts(self) -> Iterator[RecordReceipt]:
        for status in (status for value in self._values() for status in value.statuses):
            receipt = _RECEIPTS.get(status.status)
            if receipt is not None:
                yield RecordReceipt(
                    channel=Channel.WHATSAPP,
                    receipt=receipt,
                    message_id=status.id,
                    ref=status.biz_opaque_callback_data,
                    code=f"whatsapp_{status.errors[0].code}" if status.errors else None,
                )

    def texts(self) -> Iterator[IncomingText]:
        for message in (message for value in self._values() for message in value.messages):
            if message.text is not None:
                yield IncomingText(number=f"+{message.sender}", body=message.text.body, said_at=message.timestamp)

    def _values(self) -> Iterator[_Value]:
        for entry in self.entry:
            for change in entry.changes:
                yield change.value
