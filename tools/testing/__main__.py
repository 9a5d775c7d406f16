"""`python -m tools.testing [name]`: run the stages whose name contains it; exit code 1 if anything failed.

With CONTAINERS=1 the parts are containers; the whole platform of the last stage starts its own all the same.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from libs.common.testing.parts import LocalProcess, MongoPart, RabbitPart, RedisPart
from libs.common.testing.parts.process import dying_with_parent
from tools.check import run_checks
from tools.platform.settings import CHECKOUT, EXTERNAL
from tools.testing.containers import containers
from tools.testing.counts import Counts, counts_of
from tools.testing.stages import CHECK, E2E, Stage, stages_of


async def run_all(only: str) -> Counts:
    """Run the stages, a line each."""
    stages = stages_of(CHECKOUT, only)
    counts = Counts()
    if Stage(CHECK) in stages:
        counts += _check()
    if on_parts := [stage for stage in stages if stage.name not in (CHECK, E2E)]:
        async with containers() if os.environ.get("CONTAINERS") else _parts() as urls:
            for stage in on_parts:
                counts += await _pytest(stage, urls)
    if Stage(E2E) in stages:  # it starts, kills and freezes a whole platform of its own
        counts += await _pytest(Stage(E2E), {})
    return counts


@asynccontextmanager
async def _parts() -> AsyncIterator[Mapping[str, str]]:
    """Mongo, Redis and RabbitMQ for all stages, as the variables the tests read; gone afterwards with their data."""
    folder = Path(tempfile.mkdtemp(prefix="clinic-test-"))
    parts: dict[str, LocalProcess] = {
        "CLINIC_TEST_MONGODB_URL": MongoPart(folder / "mongo"),
        "CLINIC_TEST_REDIS_URL": RedisPart(folder / "redis"),
        "CLINIC_TEST_AMQP_URL": RabbitPart(folder / "rabbitmq"),
    }
    try:
        await asyncio.gather(*(part.start() for part in parts.values()))
        yield {variable: part.url for variable, part in parts.items()}
    finally:
        await asyncio.gather(*(part.stop() for part in parts.values()))
        shutil.rmtree(folder, ignore_errors=True)


def _check() -> Counts:
    counts = Counts()
    for result in run_checks():
        found = Counts(passed=int(result.ok), failed=int(not result.ok))
        _tell(result.name, found, result.seconds, result.output)
        counts += found
    return counts


async def _pytest(stage: Stage, urls: Mapping[str, str]) -> Counts:
    """Run one stage; the user's own servers are not for tests, which drop what they find."""
    environment = {name: value for name, value in os.environ.items() if name not in (*EXTERNAL, "RUN_DIR")}
    began = time.monotonic()
    if sys.stdout.isatty():
        print(f"  ...     {stage.name}", end="\r", flush=True)
    process = await asyncio.create_subprocess_exec(
        *dying_with_parent(stage.pytest(), "INT"),
        cwd=CHECKOUT,
        env={**environment, **urls},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode(errors="replace")
    counts = counts_of(output, process.returncode or 0)
    _tell(stage.name, counts, time.monotonic() - began, output)
    return counts


def _tell(name: str, counts: Counts, seconds: float, output: str) -> None:
    mark = "FAILED" if counts.failed else "ok    "
    print(f"  {mark}  {name:<24} {counts!s:<34} {seconds:6.1f} s", flush=True)
    if counts.failed:
        print(output, flush=True)


def main() -> None:
    began = time.monotonic()
    try:
        counts = asyncio.run(run_all(" ".join(sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit("stopped")
    print(f"  in {time.monotonic() - began:.0f} s")
    print(counts)
    sys.exit(1 if counts.failed or not counts.passed else 0)


if __name__ == "__main__":
    main()
