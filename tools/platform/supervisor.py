"""The one process that starts everything in order, keeps it up, and takes it down in the opposite order."""

import asyncio
import os
import signal
import time
import traceback
from datetime import UTC, datetime

from libs.common.testing.parts import (
    LocalProcess,
    MongoPart,
    NotReady,
    ProcessFailed,
    RabbitPart,
    RedisPart,
    S3Part,
    free_port,
)
from libs.common.testing.parts.mongo import ping_mongo
from libs.common.testing.parts.process import until_ready
from libs.common.testing.parts.rabbit import ping_rabbit
from libs.common.testing.parts.redis import ping_redis
from libs.common.testing.parts.s3 import ping_s3
from tools.platform.keys import Keys
from tools.platform.layout import discover
from tools.platform.members import kill_members, rss_mib
from tools.platform.processes import HOST, PlatformProcess, Stores, platform_processes
from tools.platform.settings import PlatformSettings
from tools.platform.state import NOTES_KEPT, Note, Phase, PlatformState, ProcessState, RunDir

READY_WITHIN_SECONDS = 120.0
EXTERNAL_WITHIN_SECONDS = 10.0
START_TRIES = 2
LONGEST_BACKOFF_SECONDS = 30.0
STOPPING_ORDER = ("gateway", "api", "worker", "sandbox", "part")
PINGS = {
    "MONGODB_URL": ping_mongo,
    "REDIS_URL": ping_redis,
    "AMQP_URL": ping_rabbit,
    "S3_ENDPOINT_URL": ping_s3,
}


class Supervisor:
    """`await run()` returns when the platform is down again: 0 if it was told to stop, 1 if it did not start."""

    def __init__(self, settings: PlatformSettings, run: RunDir) -> None:
        self._settings = settings
        self._run = run
        self._told_to_stop = asyncio.Event()
        self._loading = asyncio.Semaphore(os.cpu_count() or 2)
        self._processes: dict[str, LocalProcess] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._started = time.monotonic()
        self._state = PlatformState(
            supervisor=os.getpid(),
            phase=Phase.STARTING,
            started_at=datetime.now(UTC),
            gateway=f"http://{HOST}:{settings.gateway_port}",
            sandbox=f"http://{HOST}:{settings.sandbox_port}",
            external=dict(settings.external),
            processes={},
        )

    async def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._told_to_stop.set)
        if left := kill_members(self._run.path):
            self._note(f"killed what an earlier platform left behind: {', '.join(left)}")
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self._told_to_stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        failure = await _failure_of(starting)
        if failure is None and not self._told_to_stop.is_set():
            self._state.ready_after_seconds = round(time.monotonic() - self._started, 1)
            self._state.rss_mib = rss_mib(self._run.path)
            self._enter(Phase.READY)
            await stopping
        stopping.cancel()
        self._state.error = failure
        await self._stop()
        self._enter(Phase.FAILED if failure else Phase.STOPPED)
        return 1 if failure else 0

    async def _start(self) -> None:
        layout = discover(self._settings.root)
        keys = Keys.load_or_make(self._run.keys, [*layout.services, "gateway"])
        parts = self._parts(keys)
        for process in parts.values():
            self._register("part", process)
        python = platform_processes(self._settings, layout, self._stores(parts), keys, self._run)
        for process in python:
            self._register(process.kind, process)
        async with asyncio.TaskGroup() as group:
            external = self._settings.external.items()
            pings = [group.create_task(self._check_external(variable, url)) for variable, url in external]
            started = {name: group.create_task(self._bring_up(part)) for name, part in parts.items()}
            broker = started.pop("AMQP_URL", None)
            await asyncio.gather(*pings, *started.values())  # the broker takes long; only workers wait for it
            for process in python:
                after = broker if process.kind == "worker" else None
                group.create_task(self._bring_up(process, after=after))

    def _parts(self, keys: Keys) -> dict[str, LocalProcess]:
        """The parts the user does not run, by the variable that would replace each."""
        data, logs = self._run.data, self._run.logs
        s3 = S3Part(
            data / "s3",
            access_key=keys.s3_access_key,
            secret_key=keys.s3_secret_key,
            port=free_port(),
            log=logs / "s3.log",
        )
        parts: dict[str, LocalProcess] = {
            "MONGODB_URL": MongoPart(data / "mongo", port=free_port(), log=logs / "mongo.log"),
            "REDIS_URL": RedisPart(data / "redis", port=free_port(), log=logs / "redis.log"),
            "AMQP_URL": RabbitPart(data / "rabbitmq", port=free_port(), log=logs / "rabbitmq.log"),
            "S3_ENDPOINT_URL": s3,
        }
        return {name: part for name, part in parts.items() if name not in self._settings.external}

    def _stores(self, parts: dict[str, LocalProcess]) -> Stores:
        urls = {**{name: part.url for name, part in parts.items()}, **self._settings.external}
        return Stores(urls["MONGODB_URL"], urls["REDIS_URL"], urls["AMQP_URL"], urls["S3_ENDPOINT_URL"])

    async def _check_external(self, variable: str, url: str) -> None:
        try:
            await until_ready(lambda: PINGS[variable](url), EXTERNAL_WITHIN_SECONDS)
        except NotReady as error:
            raise ProcessFailed(f"the server that {variable} names does not answer: {error}") from error

    def _register(self, kind: str, process: LocalProcess) -> None:
        if process.log.exists():  # what the last run said may be why there is a new one
            process.log.replace(process.log.with_name(f"{process.log.name}.1"))
        self._processes[process.name] = process
        self._state.processes[process.name] = ProcessState(
            kind=kind, url=process.url, port=process.port, log=process.log
        )

    async def _bring_up(self, process: LocalProcess, *, after: asyncio.Task[None] | None = None) -> None:
        """Start a process, wait until it is ready, and from then on keep it so."""
        if after is not None:
            await after
        for attempt in range(START_TRIES):
            try:
                await self._start_one(process)
                break
            except ProcessFailed as error:
                if attempt == START_TRIES - 1 or process.exit_code is None:
                    raise
                self._note(f"{_in_short(error)}; trying again")
                await asyncio.sleep(2**attempt)
        keeper = asyncio.create_task(self._keep(process))
        self._keepers.add(keeper)

    async def _start_one(self, process: LocalProcess) -> None:
        """Python processes take turns, as many at once as there are cores, until each has loaded."""
        if isinstance(process, PlatformProcess):
            async with self._loading:
                began = time.monotonic()
                process.spawn()
                self._is(process, "starting")
                await process.wait_for(process.loaded, READY_WITHIN_SECONDS)
            await process.wait_ready(READY_WITHIN_SECONDS)
        else:
            began = time.monotonic()
            self._is(process, "starting")
            await process.start(READY_WITHIN_SECONDS)
        self._is(process, "ready", ready_after_seconds=round(time.monotonic() - began, 1))

    async def _keep(self, process: LocalProcess) -> None:
        """Start the process again whenever it ends, after a wait that doubles while it keeps failing."""
        state = self._state.processes[process.name]
        backoff = 0.5
        while True:
            began = time.monotonic()
            code = await process.wait_ended()
            backoff = 0.5 if time.monotonic() - began > LONGEST_BACKOFF_SECONDS else backoff
            self._note(f"{process.name} ended with code {code}; starting it again in {backoff:.1f} s")
            self._is(process, "down", restarts=state.restarts + 1)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
            try:
                await self._start_one(process)
            except ProcessFailed as error:
                self._note(_in_short(error))
                await process.stop()
            else:
                self._note(f"{process.name} is back")

    async def _stop(self) -> None:
        """The gateway first, so that nothing new comes in; the parts last."""
        self._enter(Phase.STOPPING)
        for keeper in self._keepers:
            keeper.cancel()
        for kind in STOPPING_ORDER:
            names = [name for name, state in self._state.processes.items() if state.kind == kind]
            await asyncio.gather(*(self._stop_one(self._processes[name]) for name in names))
        if left := kill_members(self._run.path):
            self._note(f"killed what did not stop: {', '.join(left)}")

    async def _stop_one(self, process: LocalProcess) -> None:
        await process.stop()
        self._is(process, "stopped")

    def _is(self, process: LocalProcess, status: str, **changes: object) -> None:
        known = self._state.processes[process.name]
        now = {"status": status, "pid": process.pid, "url": process.url, "port": process.port, **changes}
        self._state.processes[process.name] = known.model_copy(update=now)
        self._run.write(self._state)

    def _enter(self, phase: Phase) -> None:
        self._state.phase = phase
        self._note(f"platform {phase}")

    def _note(self, text: str) -> None:
        note = Note(at=datetime.now(UTC), text=text)
        print(f"{note.at:%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)  # supervisor.log
        self._state.notes = [*self._state.notes, note][-NOTES_KEPT:]
        self._run.write(self._state)


async def _failure_of(starting: asyncio.Task[None]) -> str | None:
    """Why the platform did not start, for a person; None if it did, or if it was told to stop before."""
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        return None
    except ExceptionGroup as group:
        failed, _ = group.split(ProcessFailed)
        return str(failed.exceptions[0]) if failed else "".join(traceback.format_exception(group))
    return None


def _in_short(error: ProcessFailed) -> str:
    """What happened, without the end of the log."""
    return str(error).partition("; the end of")[0]
