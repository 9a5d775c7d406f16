"""Goals 7 and 8: what people feel when calls come at a steady rate, and when far too many come at once."""

from collections.abc import Iterator
from itertools import chain

from bench.clinic import Clinic
from bench.load import Tally, closed_loop, open_loop
from bench.pace import Pace
from bench.results import Result
from bench.stage import Stage

STEADY = {100: (60.0, 30.0), 40: (30.0, 15.0)}
"""Calls a second, and the p95 in ms that bookings and reads should keep at that rate."""

CROWD = 200
SETTLING = 2.0
"""Seconds until what began as a burst is an overload, and those of the burst are served."""


async def measure_steady(stage: Stage, clinic: Clinic, pace: Pace) -> list[Result]:
    """Each kind of call alone at the full rate, the events of the bookings published meanwhile."""
    results = []
    port, seconds = stage.gateway.port, pace.lasting
    for rate, (booking_target, reading_target) in STEADY.items():
        booked = await open_loop(port, clinic.bookings(), per_second=rate, seconds=seconds)
        results.append(_steady(f"open loop {rate}/s, bookings' p95", booked, 201, booking_target))
        await clinic.remember_booked()
        readings = open_loop(port, _alternating(clinic), per_second=rate, seconds=seconds)
        results.append(_steady(f"open loop {rate}/s, reads' p95", await readings, 200, reading_target))
    return results


def _alternating(clinic: Clinic) -> Iterator[bytes]:
    """One appointment, a doctor's slots of a day, one appointment, ..."""
    return chain.from_iterable(zip(clinic.readings(), clinic.slot_searches(), strict=False))


def _steady(measured: str, tally: Tally, good: int, target: float) -> Result:
    figures = f"p50 {tally.felt(50, good):.1f} ms, p99 {tally.felt(99, good):.1f} ms"
    details = f"{figures}; {tally.statuses[good]} of {tally.count} answered {good}"
    return Result(7, measured, tally.felt(95, good), target, unit="ms", details=details)


async def measure_crowd(stage: Stage, clinic: Clinic, pace: Pace) -> list[Result]:
    """Clients that book without a pause, and come back at once when they are refused.

    First alone the burst that they begin with: the gateway lets it queue, and serves it whole.
    """
    port = stage.gateway.port
    burst = await closed_loop(port, clinic.bookings(), clients=CROWD, seconds=0)
    tally = await closed_loop(port, clinic.bookings(), clients=CROWD, seconds=pace.lasting, settling=SETTLING)
    tally.only(201, 503)
    accepted = f"{tally.per_second(201):.0f}/s accepted, p99 {tally.percentile(99, 201):.0f} ms"
    refused = f"{tally.per_second(503):.0f}/s refused, p95 {tally.percentile(95, 503):.0f} ms"
    told = tally.retry_after / tally.statuses[503] if tally.statuses[503] else 1.0
    return [
        Result(
            8,
            f"{CROWD} clients booking without a pause, accepted p95",
            tally.percentile(95, 201),
            300,
            unit="ms",
            details=f"{accepted}; {CROWD} at once and once only: {burst.statuses[201]} accepted, "
            f"p95 {burst.percentile(95, 201):.0f} ms; load generator's core {tally.own_share:.0%} busy",
        ),
        Result(8, "refused ones with 503 and Retry-After", told, 1, at_least=True, details=refused),
    ]
