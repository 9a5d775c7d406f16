"""The messages people got: what `GET /messages` lists and the page at `/` shows."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sandbox.newest import Newest


class Channel(StrEnum):
    """The three ways to reach a person."""

    WHATSAPP = "whatsapp"
    SMS = "sms"
    EMAIL = "email"


class Direction(StrEnum):
    """Seen from the clinic: `out` went to the person, `in` is the person's reply."""

    OUT = "out"
    IN = "in"


class Status(StrEnum):
    """How far a message has come; `failed` is final, and says why in `note`."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(slots=True)
class Message:
    """One message on one person's device. `to` is an E.164 number or a mail address, also for replies."""

    id: str
    channel: Channel
    to: str
    template: str | None
    body: str
    at: datetime
    direction: Direction = Direction.OUT
    status: Status = Status.ACCEPTED
    sender: str | None = None
    subject: str | None = None
    note: str | None = None
    revision: int = 0


def same_address(text: str) -> str:
    """An address as the store spells it: mail in lower case, numbers as `+` and digits.

    A `+` that was not percent-encoded arrives as a blank in a query string; that is forgiven here.
    """
    text = text.strip()
    if "@" in text:
        return text.lower()
    return "+" + "".join(character for character in text if character.isdigit())


@dataclass(slots=True)
class MessageStore:
    """Keeps the newest messages in memory and numbers every change, so that the page asks only for news."""

    keep: int
    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    revision: int = 0
    _messages: Newest[str, Message] = field(init=False)

    def __post_init__(self) -> None:
        self._messages = Newest(self.keep)

    def add(self, message: Message) -> None:
        """Show a message that has just arrived."""
        self._stamp(message)
        self._messages[message.id] = message

    def move(self, message_id: str, status: Status, note: str | None = None) -> None:
        """Set how far a message has come; one that was cleared away meanwhile stays away."""
        if message := self._messages.get(message_id):
            message.status, message.note = status, note
            self._stamp(message)

    def listed(self, to: str | None = None, channel: Channel | None = None) -> list[Message]:
        """What went out, newest first."""
        address = same_address(to) if to else None
        return [
            message
            for message in reversed(self._messages.values())
            if message.direction is Direction.OUT
            and (address is None or message.to == address)
            and (channel is None or message.channel is channel)
        ]

    def changed_since(self, epoch: str | None, revision: int) -> list[Message]:
        """Messages of both directions, oldest first, that a reader at this point has not seen yet."""
        known = revision if epoch == self.epoch else 0
        return [message for message in self._messages.values() if message.revision > known]

    def clear(self) -> None:
        """Forget everything; readers notice by the new epoch."""
        self._messages.clear()
        self.epoch = secrets.token_hex(4)

    def _stamp(self, message: Message) -> None:
        self.revision += 1
        message.revision = self.revision
