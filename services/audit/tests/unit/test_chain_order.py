"""How entries take their turns, without a database."""

import asyncio
from typing import Any

import pytest

from libs.common.ids import new_id
from libs.common.messaging.consumer import OUTAGES
from libs.common.messaging.events import AggregateRef, Envelope, EventActor
from libs.common.testing.clock import FrozenClock
from services.audit.consumers import chain_order
from services.audit.consumers.chain_order import ChainOrder
from services.audit.use_cases.append_entry import append_entry


def entry() -> Envelope:
    return Envelope(
        id=new_id("evt"),
        type="AUDIT_ENTRY",
        version=1,
        occurred_at=FrozenClock().now(),
        clinic_id="cln_1",
        actor=EventActor(id="usr_1", role="nurse"),
        aggregate=AggregateRef(type="appointment", id="apt_1", seq=1),
        correlation_id="req_1",
        data={},
    )


async def test_who_waits_too_long_for_a_turn_does_not_use_up_an_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """While MongoDB is away each entry takes seconds to fail, and dozens wait behind it."""
    monkeypatch.setattr(chain_order, "TURN_WAITED_FOR", 0.05)
    database_is_back = asyncio.Event()
    appended: list[Any] = []

    async def transact(handler: Any, payload: Any, **_: Any) -> None:
        await database_is_back.wait()
        appended.append(handler)

    async def otherwise(*_: Any) -> None:
        raise AssertionError

    order = ChainOrder(transact, otherwise)  # type: ignore[arg-type]
    first = asyncio.create_task(order.deliver(append_entry, entry(), entry()))
    await asyncio.sleep(0)
    with pytest.raises(OUTAGES):
        await asyncio.wait_for(order.deliver(append_entry, entry(), entry()), 5)
    database_is_back.set()
    await first
    await order.deliver(append_entry, entry(), entry())
    await order.settle()
    assert appended.count(append_entry) == 2
