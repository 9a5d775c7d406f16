"""Goal 9: how long a committed booking takes to be handled elsewhere, beside what the bare queue needs."""

import json
import statistics
from contextlib import AsyncExitStack
from pathlib import Path

from bench.clinic import Clinic
from bench.load import open_loop
from bench.machine import on_the_servers_core
from bench.pace import Pace
from bench.results import Result
from bench.stage import Stage, until
from libs.common.mongo.database import INBOX

PER_SECOND = 100


async def measure(stage: Stage, clinic: Clinic, pace: Pace) -> list[Result]:
    """Inside the stage's `background`. Lags count from before the commit, which is in our disfavour."""
    raw: list[float] = await stage.raw("queue", int(PER_SECOND * pace.lasting / 2))
    file = stage.folder / "lags.json"
    async with AsyncExitStack() as stack:
        with on_the_servers_core():
            await stack.enter_async_context(stage.listener(file))
        booked = await open_loop(stage.gateway.port, clinic.bookings(), per_second=PER_SECOND, seconds=pace.lasting)

        async def all_are_handled() -> bool:
            async with stage.database("listener") as db:
                return len(await db[INBOX].find({}, {"_id": 1}).to_list()) >= booked.only(201, 503).statuses[201]

        await until(all_are_handled)
    lags = _read(file)
    p95, raw_p95 = _p95(lags), _p95(raw)
    details = f"p50 {statistics.median(lags):.1f} ms, the slowest of {len(lags)} {max(lags):.0f} ms"
    return [
        Result(9, f"commit to handled at {PER_SECOND}/s, p95", p95, 50, "ms", details=details),
        Result(9, "the same, to the bare queue's", p95 / raw_p95, 5, details=f"{p95:.1f} ms to {raw_p95:.1f} ms"),
    ]


def _read(file: Path) -> list[float]:
    lags: list[float] = json.loads(file.read_text())
    return lags


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[94]
