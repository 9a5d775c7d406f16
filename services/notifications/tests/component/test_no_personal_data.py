"""Canaries: what people are called, their numbers and their codes stay out of storage, events and logs."""

from typing import Any

import pytest
from bson import encode

from services.notifications.tests.builders import Desk

PHONE, NAME, MAIL, CODE = "+919876501234", "Canarina Quetzal", "canarina@quetzal.example", "730164"
CANARIES = (PHONE, PHONE[3:], NAME.split()[0], MAIL, CODE)


async def _everything_stored(desk: Desk) -> str:
    stored: list[dict[str, Any]] = []
    for name in await desk.runtime.db.list_collection_names():
        stored += await desk.runtime.db[name].find().to_list()
    return b"".join(encode({"row": row}) for row in stored).decode("latin-1")


async def test_no_canary_is_stored_announced_or_logged(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    patient = desk.patient(PHONE, name=NAME, email=MAIL)
    await desk.code_is_requested(PHONE, code=CODE)
    await desk.fails("whatsapp", "flaky")
    await desk.fails("sms", "reject")
    await desk.books(patient)
    await desk.sender.send_due_now()
    for _ in range(3):
        await desk.after(seconds=5)
    await desk.books(patient)
    await desk.fails("whatsapp", "reject")
    await desk.sender.send_due_now()
    await desk.sandbox.post("/whatsapp/incoming", json={"from": PHONE, "text": "STOP"})
    told = await desk.told(patient)
    assert any(CODE in message["body"] for message in await desk.arrived(PHONE))
    assert len(await desk.arrived(MAIL)) == 1
    everything = await _everything_stored(desk) + str(told) + "".join(capfd.readouterr())
    assert "notification_id" in everything  # the events are in it
    assert [canary for canary in CANARIES if canary in everything] == []
