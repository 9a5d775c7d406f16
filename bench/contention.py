"""Goal 13: many want one slot. Those who lose while it is being booked are told so by Redis alone."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from bench.clinic import Clinic
from bench.load import closed_loop
from bench.machine import Meter
from bench.pace import Pace
from bench.results import Result
from bench.stage import Stage
from services.scheduling.use_cases.book_appointment import BookAppointment, slot_lock

CLIENTS = 64
LOCKED_MS = 3_600_000


async def measure(stage: Stage, clinic: Clinic, pace: Pace) -> list[Result]:
    """Losers while another booking holds the slot's lock; and, for comparison, once the slot is booked."""
    wanted, _ = clinic.free_slot()
    booked, patient = clinic.free_slot()
    await closed_loop(stage.gateway.port, iter([clinic.booking_of(booked, patient)]), clients=1, seconds=1)
    costs: dict[str, list[dict[str, float]]] = defaultdict(list)
    async with _locked(stage, wanted):
        for _ in range(pace.rounds):
            costs["locked"].append(await _losing(stage, clinic, wanted, pace))
            costs["booked"].append(await _losing(stage, clinic, booked, pace))
    locked, taken = _medians(costs["locked"]), _medians(costs["booked"])
    return [
        Result(
            13,
            "losers of a contended slot, per second and core",
            1e6 / sum(locked.values()),
            2_000,
            unit="/s",
            at_least=True,
            details=f"{_spelled(locked)}; once it is booked 1 at a time asks MongoDB: {_spelled(taken)}",
        )
    ]


@asynccontextmanager
async def _locked(stage: Stage, slot_id: str) -> AsyncIterator[None]:
    """As if somebody's booking of this slot were under way all the time."""
    redis = Redis.from_url(stage.redis.url)
    names = slot_lock(BookAppointment(slot_id=slot_id, patient_id=""))
    for name in names:
        await redis.set(name, "bench:somebody", px=LOCKED_MS)
    try:
        yield
    finally:
        await redis.delete(*names)
        await redis.aclose()


async def _losing(stage: Stage, clinic: Clinic, slot_id: str, pace: Pace) -> dict[str, float]:
    people = itertools.cycle(clinic.patients[:CLIENTS])
    attempts = (clinic.booking_of(slot_id, patient) for patient in people)
    meter = Meter(stage.servers)
    tally = await closed_loop(stage.gateway.port, attempts, clients=CLIENTS, seconds=pace.seconds / 2)
    tally.only(201, 409, 503)  # one may win, where the lock was given up; the gateway may refuse some of such a crowd
    return meter.per_request(tally.statuses[409])


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(costs[name] for costs in rounds) for name in rounds[0]}


def _spelled(costs: dict[str, float]) -> str:
    return " + ".join(f"{name} {cost:.0f}" for name, cost in costs.items()) + " us"
