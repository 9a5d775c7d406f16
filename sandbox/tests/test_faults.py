"""The fault switches, over real sockets: what a broken vendor looks like to a client."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.tests.builders import WHATSAPP, WHATSAPP_AUTH, sms, template
from sandbox.world import World


@pytest.fixture
async def caller(server: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server, timeout=5, trust_env=False) as caller:
        yield caller


async def break_(caller: httpx.AsyncClient, mode: str, provider: str = "whatsapp", **more: Any) -> None:
    answer = await caller.post("/faults", json={"provider": provider, "mode": mode, **more})
    assert answer.status_code == 200


async def send(caller: httpx.AsyncClient, timeout: float = 5) -> httpx.Response:
    return await caller.post(WHATSAPP, json=template("x"), headers=WHATSAPP_AUTH, timeout=timeout)


async def state(caller: httpx.AsyncClient, provider: str = "whatsapp") -> tuple[str, int | None]:
    items = {item["provider"]: item for item in (await caller.get("/faults")).json()["items"]}
    assert set(items) == {"whatsapp", "sms", "smtp"}
    return items[provider]["mode"], items[provider]["count"]


@pytest.mark.parametrize(("mode", "status", "code"), [("down", 503, 2), ("reject", 400, 131026), ("flaky", 500, 1)])
async def test_whatsapp_answers_with_graphs_errors(
    caller: httpx.AsyncClient, mode: str, status: int, code: int
) -> None:
    await break_(caller, mode)
    answer = await send(caller)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (await caller.get("/messages")).json() == {"items": []}


@pytest.mark.parametrize(
    ("mode", "status", "code"),
    [("down", 503, "SERVICE_UNAVAILABLE"), ("reject", 400, "OPERATOR_REJECTED"), ("flaky", 500, "INTERNAL_ERROR")],
)
async def test_the_sms_gateway_answers_with_its_own(
    caller: httpx.AsyncClient, mode: str, status: int, code: str
) -> None:
    await break_(caller, mode, "sms")
    answer = await caller.post("/sms/send", json=sms())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await send(caller)).status_code == 200


async def test_a_fault_lasts_for_its_count_of_calls(caller: httpx.AsyncClient) -> None:
    await break_(caller, "down", count=2)
    assert (await send(caller)).status_code == 503
    assert await state(caller) == ("down", 1)
    assert (await send(caller)).status_code == 503
    assert await state(caller) == ("none", None)
    assert (await send(caller)).status_code == 200


async def test_flaky_fails_every_other_call(caller: httpx.AsyncClient) -> None:
    await break_(caller, "flaky")
    assert [(await send(caller)).status_code for _ in range(4)] == [500, 200, 500, 200]


async def test_slow_answers_late(caller: httpx.AsyncClient) -> None:
    await break_(caller, "slow", latency_ms=150)
    started = time.monotonic()
    assert (await send(caller)).status_code == 200
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize(("mode", "arrived"), [("hang", 0), ("lost", 1)])
async def test_no_answer_ever_comes_and_others_are_served_meanwhile(
    caller: httpx.AsyncClient, world: World, mode: str, arrived: int
) -> None:
    await break_(caller, mode, count=1)
    hanging = asyncio.create_task(send(caller, timeout=0.5))
    assert (await caller.get("/healthz")).status_code == 200
    with pytest.raises(httpx.ReadTimeout):
        await hanging
    assert len(world.messages.listed()) == arrived
    assert (await send(caller)).status_code == 200


async def test_all_faults_can_be_cleared(caller: httpx.AsyncClient) -> None:
    await break_(caller, "down")
    assert (await caller.delete("/faults")).status_code == 204
    assert await state(caller) == ("none", None)


@pytest.mark.parametrize(
    "fault",
    [
        {"provider": "fax", "mode": "down"},
        {"provider": "sms", "mode": "tired"},
        {"provider": "sms", "mode": "down", "count": 0},
        {"provider": "sms", "mode": "slow", "latency_ms": -1},
        {"provider": "sms", "mode": "down", "cuont": 3},
        {"provider": "sms"},
    ],
)
async def test_a_fault_that_makes_no_sense_changes_nothing(caller: httpx.AsyncClient, fault: dict[str, Any]) -> None:
    assert (await caller.post("/faults", json=fault)).status_code == 422
    assert await state(caller, "sms") == ("none", None)
