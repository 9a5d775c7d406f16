"""Goal 11: how much memory a process holds after all that load."""

from bench.machine import rss_mb
from bench.results import Result
from bench.stage import Stage


def measure(stage: Stage) -> list[Result]:
    """Resident, in MiB."""
    return [
        Result(11, "gateway's memory", rss_mb(stage.gateway), 55, "MiB", details="resident, after the load"),
        Result(11, "scheduling API's memory", rss_mb(stage.api), 100, "MiB", details="resident, after the load"),
    ]
