"""What happens while a part is away: bookings go on, and what was owed is delivered afterwards."""

import signal
import time
from typing import Any

import httpx

from tests.e2e.world import Clinic, World, until


async def _faults(world: World, mode: str) -> None:
    async with httpx.AsyncClient() as client:
        for provider in ("whatsapp", "sms", "smtp"):
            answer = await client.post(f"{world.sandbox}/faults", json={"provider": provider, "mode": mode})
            assert answer.status_code < 300, answer.text


async def _book_times(clinic: Clinic, number: int) -> list[float]:
    slots = [await clinic.free_slot() for _ in range(number)]
    took = []
    for n, slot in enumerate(slots):
        started = time.perf_counter()
        answer = await clinic.try_to_book(slot, n % 20)
        took.append(time.perf_counter() - started)
        assert answer.status_code == 201, answer.text
    return sorted(took)


async def test_a_vendor_that_is_down_or_hangs_never_slows_a_booking(clinic: Clinic, world: World) -> None:
    usual = await _book_times(clinic, 12)
    try:
        for mode in ("down", "hang"):
            await _faults(world, mode)
            troubled = await _book_times(clinic, 12)
            assert troubled[6] < 3 * usual[6] + 0.05, (mode, usual, troubled)
    finally:
        await _faults(world, "none")


async def test_a_booking_made_while_the_broker_is_away_reaches_the_phone(clinic: Clinic, world: World) -> None:
    before = len(await clinic.messages_to(7))
    world.send_signal("rabbitmq", signal.SIGKILL)
    booked = await clinic.book(patient=7)
    assert booked["status"] == "CONFIRMED"

    async def arrived() -> bool:
        return len(await clinic.messages_to(7)) > before

    await until(arrived, "the confirmation of a booking made without a broker")
    await world.wait_until_ready()


async def test_one_confirmation_per_booking(clinic: Clinic) -> None:
    """To a patient of whom no other test's messages can still be on their way."""
    booked = [await clinic.book(patient=17) for _ in range(3)]

    async def arrived() -> list[Any]:
        messages = await clinic.messages_to(17)
        return messages if len(messages) >= len(booked) else []

    bodies = [message["body"] for message in await until(arrived, "the confirmations")]
    assert len(bodies) == len(set(bodies)) == len(booked)


async def test_everything_recovers_when_the_workers_are_killed(clinic: Clinic, world: World) -> None:
    for worker in ("scheduling-worker", "notifications-worker"):
        world.send_signal(worker, signal.SIGKILL)
    before = len(await clinic.messages_to(11))
    await clinic.book(patient=11)

    async def arrived() -> bool:
        return len(await clinic.messages_to(11)) > before

    await until(arrived, "a confirmation after the workers were killed")
    await world.wait_until_ready()
