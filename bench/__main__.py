"""`python -m bench`: measures the goals of docs/performance.md in one run and prints them beside their targets.

python -m bench                 about ten minutes on two cores
python -m bench --quick         about two, for CI: ratios only
python -m bench --only 4,13
"""

import argparse
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from rich.console import Console

from bench import booking_cost, contention, event_lag, gateway_vs_nginx, memory, people, telemetry_cost
from bench.clinic import Clinic
from bench.machine import LOAD_CORE, describe
from bench.pace import QUICK, WHOLE, Pace
from bench.results import Result, save, show
from bench.stage import ROOT, Stage, running_stage
from tools.install import install_debian_packages

RESULTS = ROOT / ".run" / "bench.json"
Measurement = Callable[[Stage, Clinic, Pace], Awaitable[list[Result]]]


async def _gateway(stage: Stage, _clinic: Clinic, pace: Pace) -> list[Result]:
    return await gateway_vs_nginx.measure(stage.redis.url, pace)


async def _telemetry(stage: Stage, _clinic: Clinic, pace: Pace) -> list[Result]:
    return await telemetry_cost.measure(stage, pace)


async def _memory(stage: Stage, _clinic: Clinic, _pace: Pace) -> list[Result]:
    return memory.measure(stage)


IN_THE_FOREGROUND: list[tuple[set[int], str, Measurement]] = [
    ({1, 2, 3}, "the gateway beside nginx", _gateway),
    ({12}, "what being observed costs", _telemetry),
    ({4, 5}, "what a booking costs", booking_cost.measure),
    ({13}, "many who want one slot", contention.measure),
]
WITH_THE_WORKER: list[tuple[set[int], str, Measurement]] = [
    ({7}, "a steady rate of calls", people.measure_steady),
    ({9}, "how long events take", event_lag.measure),
    ({8}, "a crowd", people.measure_crowd),
    ({11}, "memory", _memory),
]


async def run(pace: Pace, wanted: set[int], console: Console) -> list[Result]:
    """Measure the wanted goals; everything that was started is stopped again."""
    results: list[Result] = []
    os.sched_setaffinity(0, {LOAD_CORE})
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(running_stage())
        clinic = await Clinic(stage).open()

        async def measure(measurements: list[tuple[set[int], str, Measurement]]) -> None:
            for goals, what, measurement in measurements:
                if goals & wanted:
                    console.print(f"measuring {what} ...")
                    results.extend(await measurement(stage, clinic, pace))

        await measure(IN_THE_FOREGROUND)
        if any(goals & wanted for goals, _, _ in WITH_THE_WORKER):
            await stack.enter_async_context(stage.background())
            await measure(WITH_THE_WORKER)
    return sorted((result for result in results if result.goal in wanted), key=lambda result: result.goal)


def main() -> None:
    every = set().union(*(goals for goals, _, _ in IN_THE_FOREGROUND + WITH_THE_WORKER))
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short rounds")
    parser.add_argument("--only", metavar="GOALS", help=f"of {','.join(map(str, sorted(every)))}")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where to write the results")
    given = parser.parse_args()
    wanted = {int(number) for number in given.only.split(",")} if given.only else every
    if unknown := wanted - every:
        parser.error(f"not measured here: {', '.join(map(str, sorted(unknown)))}")
    console = Console()
    _install()
    started = time.monotonic()
    results = uvloop.run(run(QUICK if given.quick else WHOLE, wanted, console))
    seconds = time.monotonic() - started
    save(results, describe(), seconds, given.json)
    console.print(f"{describe()}; {seconds:.0f} s")
    show(results, console)
    sys.exit(0)


def _install() -> None:
    """What is measured against, and with."""
    missing = [package for package, path in (("nginx-light", NGINX), ("wrk", WRK)) if not path.exists()]
    if missing:
        install_debian_packages(missing)


NGINX, WRK = Path("/usr/sbin/nginx"), Path("/usr/bin/wrk")

if __name__ == "__main__":
    main()
