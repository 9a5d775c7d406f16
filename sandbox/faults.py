"""The switches that break a vendor on purpose, and what a call to a broken vendor goes through."""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

HANG_SECONDS = 60.0


class Provider(StrEnum):
    """Who can be broken."""

    WHATSAPP = "whatsapp"
    SMS = "sms"
    SMTP = "smtp"


class FaultMode(StrEnum):
    """How a vendor can be broken; the card in README.md says what each looks like on the wire."""

    NONE = "none"
    DOWN = "down"
    SLOW = "slow"
    FLAKY = "flaky"
    REJECT = "reject"
    HANG = "hang"
    LOST = "lost"


class Fault(BaseModel):
    """One vendor's state. `count`: how many calls it still lasts, null for until it is changed."""

    model_config = ConfigDict(extra="forbid")

    provider: Provider
    mode: FaultMode
    count: int | None = Field(None, ge=1, le=1_000_000)
    latency_ms: int = Field(2_000, ge=0, le=60_000, description="Used by `slow`.")


class FaultBoard:
    """The state of all vendors."""

    def __init__(self) -> None:
        self._faults: dict[Provider, Fault] = {}
        self._flaky_calls: dict[Provider, int] = {}
        self.clear()

    def set(self, fault: Fault) -> None:
        """From the next call on the vendor behaves so."""
        self._faults[fault.provider] = fault
        self._flaky_calls[fault.provider] = 0

    def clear(self) -> None:
        """All vendors work again."""
        for provider in Provider:
            self.set(Fault(provider=provider, mode=FaultMode.NONE))

    def all(self) -> list[Fault]:
        """Every vendor's state."""
        return list(self._faults.values())

    def take(self, provider: Provider) -> Fault:
        """What this call meets. Uses up one of `count`; every other call to a flaky vendor meets nothing."""
        fault = self._faults[provider]
        met = fault.model_copy()
        if fault.mode is FaultMode.FLAKY:
            self._flaky_calls[provider] += 1
            if self._flaky_calls[provider] % 2 == 0:
                met.mode = FaultMode.NONE
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self.set(Fault(provider=provider, mode=FaultMode.NONE))
        return met

    async def meet(
        self, provider: Provider, request: Request, answers: Mapping[FaultMode, Callable[[], Exception]]
    ) -> Fault:
        """Let an HTTP call go through the vendor's fault before the vendor looks at it.

        Raises: the vendor's own error made by `answers` for down, flaky, reject, and a hang nobody left.
        """
        fault = self.take(provider)
        if fault.mode is FaultMode.SLOW:
            await asyncio.sleep(fault.latency_ms / 1000)
        if fault.mode is FaultMode.HANG:
            await silence(request)
            raise answers[FaultMode.DOWN]()
        if fault.mode in (FaultMode.DOWN, FaultMode.FLAKY, FaultMode.REJECT):
            raise answers[fault.mode]()
        return fault


async def silence(request: Request) -> None:
    """Say nothing until the client hangs up, for at most `HANG_SECONDS`."""
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return
