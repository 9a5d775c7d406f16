"""Goal 12: what being observed costs an endpoint: log line, metrics, and traces at the default sampling."""

import itertools
import statistics

from bench.load import closed_loop, http
from bench.machine import Meter
from bench.pace import Pace
from bench.results import Result
from bench.stage import Stage

CLIENTS = 8
REQUEST = http("GET", "/patients/pat_01j9zqk5w0e5ta3m3w2x0v6h7c", {"Accept": "application/json"})


async def measure(stage: Stage, pace: Pace) -> list[Result]:
    """The same endpoint bare and observed, in turns."""
    costs: dict[str, list[float]] = {"bare": [], "observed": []}
    for _ in range(pace.rounds):
        for name, server in (("bare", stage.echo), ("observed", stage.observed)):
            meter = Meter({name: server})
            tally = await closed_loop(server.port, itertools.repeat(REQUEST), clients=CLIENTS, seconds=pace.seconds / 2)
            costs[name].append(meter.per_request(tally.only(200).count)[name])
    bare, observed = statistics.median(costs["bare"]), statistics.median(costs["observed"])
    details = f"{observed:.0f} us to {bare:.0f} us, 10 % of requests traced"
    return [Result(12, "an endpoint's CPU when observed, to bare", observed / bare, 2, details=details)]
