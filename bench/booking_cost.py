"""Goals 4 and 5: what a complete booking costs in CPU, beside the sum of the raw parts it cannot do without."""

import itertools
import statistics
from collections import defaultdict

import orjson

from bench.clinic import Clinic
from bench.load import closed_loop, http
from bench.machine import Meter
from bench.pace import Pace
from bench.results import Result
from bench.stage import Stage
from libs.common.testing.parts import LocalProcess

CLIENTS = 24
"""Enough to keep the core busy, few enough that the gateway sees no overload in it."""

RAW_FLOOR, MEDPLUM, EASY_APPOINTMENTS = 2_054, 6_792, 13_960
"""CPU microseconds of the same booking on one core, measured side by side (see docs/performance.md)."""

RAW_REQUEST = {
    "slot_id": "slot_01jd2v7xk4e5ta3m3w2x0v6h7c_20261125T0430",
    "patient_id": "pat_01jd2v7xk4e5ta3m3w2x0v6h7c",
    "reason": "Fever since Monday",
}

Costs = dict[str, float]
"""CPU microseconds for each request, by what used them."""


async def measure(stage: Stage, clinic: Clinic, pace: Pace) -> list[Result]:
    """Raw parts and bookings in turns, medians of all rounds."""
    rounds: dict[str, list[float]] = defaultdict(list)
    await _complete(stage, clinic, pace)  # so that nothing is used for the first time, and there is a booking to copy
    await _bare(stage, clinic, clients=1, seconds=0)
    for _ in range(pace.rounds):
        costs = await _raw(stage, clinic, pace) | await _bare(stage, clinic, clients=CLIENTS, seconds=pace.seconds)
        for name, cost in (costs | await _complete(stage, clinic, pace)).items():
            rounds[name].append(cost)
    costs = {name: statistics.median(values) for name, values in rounds.items()}
    floor, bare, complete = (_those(costs, kind) for kind in ("raw", "bare", "booking"))
    floor_sum, bare_sum, complete_sum = sum(floor.values()), sum(bare.values()), sum(complete.values())
    scale = floor_sum / RAW_FLOOR
    rate = 1e6 / complete_sum
    bookings = f"{rate:.0f} bookings/s/core in CPU, {costs['rate']:.0f}/s seen"
    twice = await clinic.booked_twice()
    return [
        Result(4, "a complete booking's CPU, to its raw parts'", complete_sum / floor_sum, 1.8,
               details=f"{_spelled(complete)} = {complete_sum:.0f} us; {_spelled(floor)} = {floor_sum:.0f} us"),
        Result(4, "the same, to a bare service of those parts", complete_sum / bare_sum, 1.8,
               details=f"{_spelled(bare)} = {bare_sum:.0f} us"),
        Result(5, "bookings/s/core, to Medplum's", MEDPLUM * scale / complete_sum, 2, at_least=True,
               details=f"{bookings}; theirs {MEDPLUM} us, times this machine's floor / {RAW_FLOOR} us"),
        Result(5, "bookings/s/core, to Easy!Appointments'", EASY_APPOINTMENTS * scale / complete_sum, 3, at_least=True,
               details=f"theirs {EASY_APPOINTMENTS} us, times this machine's floor / {RAW_FLOOR} us"),
        Result(5, "times booked twice", twice, 0, unit="", details=f"over all {await clinic.appointments()} bookings"),
    ]  # fmt: skip


async def _raw(stage: Stage, clinic: Clinic, pace: Pace) -> Costs:
    """An endpoint with a model in and out, the gateway's share in front of it, a lock, an insert."""
    request = itertools.cycle([_raw_request(clerk) for clerk in clinic.desk])  # one clerk alone would meet a limit
    meter = Meter({"raw endpoint": stage.echo})
    direct = await closed_loop(stage.echo.port, request, clients=CLIENTS, seconds=pace.seconds / 2)
    costs = meter.per_request(direct.only(201).count)
    meter = Meter({"raw gateway": stage.gateway})
    through = await closed_loop(stage.gateway.port, request, clients=CLIENTS, seconds=pace.seconds / 2)
    costs |= meter.per_request(through.only(201).count)
    costs |= await _client_and_server("redis", stage, stage.redis, pace.operations)
    return costs | await _client_and_server("mongo", stage, stage.mongo, pace.operations)


def _raw_request(token: str, path: str = "/patients") -> bytes:
    headers = {"Authorization": token, "Idempotency-Key": "01jd2v7xk4e5ta3m3w2x0v6h7c"}
    return http("POST", path, headers, orjson.dumps(RAW_REQUEST))


async def _client_and_server(part: str, stage: Stage, server: LocalProcess, count: int) -> Costs:
    meter = Meter({f"raw {part}": server})
    client = await stage.raw(part, count)
    return {f"raw {part} client": client, **meter.per_request(count)}


async def _bare(stage: Stage, clinic: Clinic, *, clients: int, seconds: float) -> Costs:
    """The raw parts put together in one endpoint. It does no more than they do one by one, and costs more than their
    sum: each part runs a few hundred times a second between the others, not thousands of times by itself."""
    servers = {"gateway": stage.gateway, "service": stage.echo, "mongo": stage.mongo, "redis": stage.redis}
    meter = Meter({f"bare {name}": server for name, server in servers.items()})
    path = f"/patients/{clinic.patients[0]}/consents"
    request = itertools.cycle([_raw_request(clerk, path) for clerk in clinic.desk])
    tally = await closed_loop(stage.gateway.port, request, clients=clients, seconds=seconds)
    return meter.per_request(tally.only(201).count)


async def _complete(stage: Stage, clinic: Clinic, pace: Pace) -> Costs:
    meter = Meter({f"booking {name}": server for name, server in stage.servers.items()})
    tally = await closed_loop(
        stage.gateway.port, clinic.bookings(), clients=CLIENTS, seconds=pace.seconds, patient=True
    )
    booked = tally.only(201, 503).statuses[201]
    return {**meter.per_request(booked), "rate": tally.per_second(201)}


def _those(costs: Costs, kind: str) -> Costs:
    return {name: cost for name, cost in costs.items() if name.startswith(f"{kind} ")}


def _spelled(costs: Costs) -> str:
    return " + ".join(f"{name.partition(' ')[2]} {cost:.0f}" for name, cost in costs.items())
