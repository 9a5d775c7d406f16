"""How many requests a service gets at once, and who is refused when."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from gateway.problems import Overloaded
from gateway.tests.conftest import Start
from gateway.tests.stubs import OK, Received, StubService
from gateway.upstream.admission import Admission, AdmissionPolicy


def _policy(**changes: float) -> AdmissionPolicy:
    usual = {
        "min_in_flight": 2,
        "max_in_flight": 8,
        "max_waiting": 100,
        "latency_goal": 0.1,
        "burst": 0.3,
        "overload_wait": 0.05,
        "longest_wait": 5.0,
    }
    return AdmissionPolicy(**(usual | changes))  # type: ignore[arg-type]


async def test_a_burst_is_served_whole() -> None:
    """More than fits at once, longer than a burst may last: all came before it was an overload, all are served."""
    admission = Admission(_policy(burst=0.1))
    most = 0

    async def one() -> None:
        nonlocal most
        await admission.enter()
        most = max(most, admission.in_flight)
        await asyncio.sleep(0.05)
        admission.leave(0.01)

    await asyncio.gather(*(one() for _ in range(50)))
    assert admission.refused == 0
    assert most <= 8
    assert admission.in_flight == admission.waiting == 0


async def test_a_standing_queue_is_an_overload() -> None:
    admission = Admission(_policy())
    loop = asyncio.get_running_loop()
    stop = loop.time() + 1.5
    waits: list[float] = []
    refusals: list[float] = []

    async def client() -> None:
        while loop.time() < stop:
            came = loop.time()
            try:
                await admission.enter()
            except Overloaded:
                refusals.append(loop.time() - came)
                continue
            if came > stop - 0.7:  # after the burst; refusals that empty the queue must not look like its end
                waits.append(loop.time() - came)
            await asyncio.sleep(0.03)
            admission.leave(0.03)

    await asyncio.gather(*(client() for _ in range(100)))
    assert refusals
    assert sorted(refusals)[len(refusals) // 2] < 0.3  # without refusals everybody would wait for 0.75 s
    assert sorted(waits)[len(waits) * 99 // 100] < 0.3


async def test_refusals_that_empty_the_queue_do_not_end_the_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.admission._CALM", 0.2)
    admission = Admission(_policy(burst=0.1, max_in_flight=4))
    for _ in range(2):
        await admission.enter()
    patient = asyncio.create_task(admission.enter())
    await asyncio.sleep(0.15)  # longer than a burst
    wave = [asyncio.create_task(admission.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    admission.leave(0.01)
    await patient
    results = await asyncio.gather(*wave, return_exceptions=True)
    assert [type(result) for result in results] == [Overloaded] * 5
    assert admission.waiting == 0
    with pytest.raises(Overloaded):
        await asyncio.wait_for(admission.enter(), 1)

    await asyncio.sleep(0.25)  # nobody is refused for a while
    admission.leave(0.01)
    await admission.enter()
    patient = asyncio.create_task(admission.enter())
    await asyncio.sleep(0.1)
    admission.leave(0.01)
    await patient


async def test_places_to_spare_end_the_overload() -> None:
    """Bursts with pauses between them: whoever came in the second after a refusal would be refused for ever."""
    admission = Admission(_policy(max_in_flight=4, max_waiting=10, overload_wait=0.01))

    async def one() -> bool:
        try:
            await admission.enter()
        except Overloaded:
            return False
        await asyncio.sleep(0.02)
        admission.leave(0.02)
        return True

    async def served(count: int) -> int:
        return sum(await asyncio.gather(*(one() for _ in range(count))))

    assert await served(30) == 12  # two at once and ten who wait: the others are refused
    await asyncio.sleep(0.2)
    assert await served(12) == 12  # of whom most wait longer than they might in an overload


async def test_a_full_queue_refuses_at_once() -> None:
    admission = Admission(_policy(max_waiting=1, max_in_flight=4))
    for _ in range(2):
        await admission.enter()
    waiting = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await admission.enter()
    admission.leave(0.01)
    await waiting


async def test_latency_finds_the_number_in_flight() -> None:
    admission = Admission(_policy())
    for _ in range(1000):
        if admission.limit == 2:
            break
        await admission.enter()
        admission.leave(1.0)  # a service that is slow at any number
        await asyncio.sleep(0.01)
    assert admission.limit == 2
    for _ in range(500):  # and one that is quick at any number, and busy
        while admission.in_flight < admission.limit:
            await admission.enter()
        admission.leave(0.001)
    assert admission.limit == 8


async def test_somebody_who_leaves_the_queue_takes_no_place() -> None:
    admission = Admission(_policy(max_in_flight=2))
    await admission.enter()
    leaving, staying = asyncio.create_task(admission.enter()), asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    admission.leave(0.01)
    await asyncio.wait_for(staying, 1)
    admission.leave(0.01)
    assert admission.in_flight == 0


async def test_a_turn_that_came_to_somebody_who_left_goes_on() -> None:
    admission = Admission(_policy(max_in_flight=2))
    await admission.enter()
    leaving, staying = asyncio.create_task(admission.enter()), asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    admission.leave(None)  # its turn comes
    leaving.cancel()  # in the same moment
    await asyncio.wait_for(staying, 1)


async def test_overloaded_services_refuse_early_and_say_so(start: Start, service: StubService) -> None:
    gateway = await start(max_in_flight=4, min_in_flight=2, burst_seconds=0.2, overload_wait_seconds=0.05)

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(OK)

    service.answers["/patients/1"] = slow
    statuses: Counter[int] = Counter()

    async def client() -> None:
        headers = gateway.bearer()
        while statuses[503] < 50 or statuses[200] < 100:  # the first forty 200s are the burst
            reply = await gateway.client.get("/patients/1", headers=headers)
            statuses[reply.status_code] += 1
            if reply.status_code != 200:
                assert (reply.status_code, reply.json()["code"]) == (503, "overloaded")
                assert reply.headers["retry-after"] == "1"
                await asyncio.sleep(0.1)

    async with asyncio.timeout(30):
        await asyncio.gather(*(client() for _ in range(40)))
    # Other services are not touched.
    assert (await gateway.client.get("/slots", headers=gateway.bearer())).status_code == 200


async def test_bodies_that_do_not_come_take_no_place(start: Start) -> None:
    gateway = await start(max_in_flight=4, min_in_flight=2)
    held = []
    for body in (b"", b"x") * 3:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(gateway.raw("POST /patients HTTP/1.1", "Content-Length: 10", body=body))
        held.append(writer)
    await asyncio.sleep(0.1)
    async with asyncio.timeout(3):
        reply = await gateway.client.post("/patients", headers=gateway.bearer(), content=b"{}")
    assert reply.status_code == 200
    for writer in held:
        writer.close()


async def test_a_slow_upload_is_no_slow_service(start: Start) -> None:
    gateway = await start(max_in_flight=8, min_in_flight=2, latency_goal_seconds=0.05)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        for _ in range(5):
            await asyncio.sleep(0.2)
            yield b"x" * 1_000

    reply = await gateway.client.post("/patients", headers=gateway.bearer(), content=pieces())
    assert reply.status_code == 200
    metrics = (await gateway.client.get("/metrics")).text
    assert 'gateway_in_flight_limit{upstream="registry"} 4.0' in metrics
