"""What came of handing a message to a vendor, in words that all vendors share."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Result(StrEnum):
    ACCEPTED = "accepted"
    """The vendor took it."""
    REFUSED = "refused"
    """This channel will not take it, however often it is asked."""
    HOPELESS = "hopeless"
    """No channel will: nobody to write to, or nothing to say any more."""
    FAILED = "failed"
    """Certainly not taken, and worth another try."""
    VENDOR_DOWN = "vendor_down"
    """The vendor failed too often lately and was not asked."""
    NOT_READY = "not_ready"
    """Something of ours was down, so nobody was asked."""
    UNANSWERED = "unanswered"
    """It may have been taken. Never a reason to send again."""


class Outcome(BaseModel):
    """`code` says why, in a stable word; `retry_after` is in seconds, when the other side named a time."""

    model_config = ConfigDict(frozen=True)

    result: Result
    message_id: str | None = None
    code: str | None = None
    retry_after: float | None = None


class Receipt(StrEnum):
    """How far a message has come, as vendors report it."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Answer(BaseModel):
    """What a vendor knows of a message it was asked about; `receipt` None: it never took one."""

    model_config = ConfigDict(frozen=True)

    receipt: Receipt | None
    message_id: str | None = None
    code: str | None = None
