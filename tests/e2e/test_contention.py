"""Two hundred clients at once on one slot: one gets it, whatever Redis does meanwhile."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from tests.e2e.world import Clinic, World, until

CLIENTS = 200


async def _rush(clinic: Clinic, slot: str, disturb: Callable[[], None] | None = None) -> Counter[int]:
    token = await clinic.token("front_desk")
    tries = [asyncio.create_task(clinic.try_to_book(slot, n % 20, token=token)) for n in range(CLIENTS)]
    if disturb is not None:
        await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        disturb()
    answers = await asyncio.gather(*tries)
    # A client that was shed or limited comes again, as Retry-After tells it to.
    again = [answer for answer in answers if answer.status_code in (429, 503)]
    final = [answer for answer in answers if answer.status_code not in (429, 503)]
    for answer in again:
        await asyncio.sleep(min(float(answer.headers.get("retry-after", "1")), 1.0) / 20)
        final.append(await _until_answered(clinic, slot, token))
    assert {answer.json()["code"] for answer in final if answer.status_code == 409} <= {"slot_taken"}
    return Counter(answer.status_code for answer in final)


async def _until_answered(clinic: Clinic, slot: str, token: str) -> httpx.Response:
    async def attempt() -> httpx.Response | None:
        answer = await clinic.try_to_book(slot, token=token)
        return None if answer.status_code in (429, 503) else answer

    answer: httpx.Response = await until(attempt, "an answer that is not 'come again'")
    return answer


async def test_with_redis_up(clinic: Clinic) -> None:
    assert await _rush(clinic, await clinic.free_slot()) == {201: 1, 409: CLIENTS - 1}


async def test_with_redis_killed_in_the_middle(clinic: Clinic, world: World) -> None:
    slot = await clinic.free_slot()
    result = await _rush(clinic, slot, lambda: world.send_signal("redis", signal.SIGKILL))
    assert result == {201: 1, 409: CLIENTS - 1}
    await world.wait_until_ready()


async def test_with_redis_frozen(clinic: Clinic, world: World) -> None:
    slot = await clinic.free_slot()
    world.send_signal("redis", signal.SIGSTOP)
    try:
        result = await _rush(clinic, slot)
    finally:
        world.send_signal("redis", signal.SIGCONT)
    assert result == {201: 1, 409: CLIENTS - 1}


async def test_one_key_a_hundred_times_is_one_appointment_and_one_answer(clinic: Clinic) -> None:
    slot, token = await clinic.free_slot(), await clinic.token("front_desk")
    answers = await asyncio.gather(*(clinic.try_to_book(slot, token=token, key="hundred") for _ in range(100)))
    assert Counter(answer.status_code for answer in answers) == {201: 100}
    assert len({answer.content for answer in answers}) == 1
    other_body = await clinic.try_to_book(slot, 1, token=token, key="hundred")
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    other_caller = await clinic.try_to_book(slot, token=await clinic.token("nurse"), key="hundred")
    assert (other_caller.status_code, other_caller.json()["code"]) == (409, "slot_taken")


@pytest.mark.parametrize("missing", ["", None])
async def test_without_a_key_nothing_is_booked(clinic: Clinic, missing: str | None) -> None:
    body = {"slot_id": await clinic.free_slot(), "patient_id": clinic.patient_id(0)}
    answer = await clinic.call(
        "POST", "/appointments/request", await clinic.token("front_desk"), key=missing, json=body
    )
    assert answer.status_code == 400
