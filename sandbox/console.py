"""The sandbox's own API: messages, fault switches, phones, and the news for the page."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from sandbox.faults import Fault
from sandbox.messages import Channel, Message, same_address
from sandbox.phones import Phone
from sandbox.webhooks import WebhookTally
from sandbox.world import World


@dataclass(frozen=True)
class MessageList:
    """Messages that went out, newest first."""

    items: list[Message]


@dataclass(frozen=True)
class FaultList:
    """One entry per vendor."""

    items: list[Fault]


@dataclass(frozen=True)
class Feed:
    """What changed since the reader looked last; after a new `epoch` it starts afresh."""

    epoch: str
    revision: int
    messages: list[Message]
    faults: list[Fault]
    webhooks: WebhookTally


@dataclass(frozen=True)
class Ready:
    """Ready, and where the mail server listens."""

    status: Literal["ready"]
    smtp_port: int


def routes(world: World) -> APIRouter:
    """All of the sandbox's own calls but the page."""
    router = APIRouter(tags=["sandbox"])

    @router.get("/messages")
    async def messages(to: str | None = None, channel: Channel | Literal[""] | None = None) -> MessageList:
        """What people got, newest first; `to` is an E.164 number or a mail address. Empty means all."""
        return MessageList(world.messages.listed(to, channel or None))

    @router.delete("/messages", status_code=204)
    async def clear_messages() -> None:
        """Forget all messages."""
        world.messages.clear()

    @router.get("/faults")
    async def faults() -> FaultList:
        """How every vendor is doing."""
        return FaultList(world.faults.all())

    @router.post("/faults")
    async def set_fault(fault: Fault) -> Fault:
        """Break a vendor, or repair it with `none`."""
        world.faults.set(fault.model_copy())
        return fault

    @router.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        """Repair all vendors."""
        world.faults.clear()

    @router.put("/phones/{number}")
    async def describe_phone(number: Annotated[str, Path(pattern=r"^\s*\+?[1-9]\d{7,14}$")], phone: Phone) -> Phone:
        """Take WhatsApp or SMS off a phone: its messages then fail after they were accepted."""
        world.phones.describe(same_address(number), phone)
        return phone

    @router.get("/feed")
    async def feed(epoch: str | None = None, after: Annotated[int, Query(ge=0)] = 0) -> Feed:
        """News for the page: messages of both directions, oldest first, and the vendors' state."""
        return Feed(
            epoch=world.messages.epoch,
            revision=world.messages.revision,
            messages=world.messages.changed_since(epoch, after),
            faults=world.faults.all(),
            webhooks=world.webhooks.tally,
        )

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Ready:
        """All vendors are open for business."""
        return Ready("ready", world.smtp_port)

    return router
