"""The process beside a service's API: its relay, its consumer and its jobs, with health, metrics and a clean end."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from libs.common.garbage import settle_after_start
from libs.common.telemetry.logs import get_logger
from libs.common.telemetry.metrics import METRICS_CONTENT_TYPE, render_metrics

_log = get_logger(__name__)

Readiness = Callable[[], Awaitable[Mapping[str, str]]]
"""What else must work, by name: `ok` or what is wrong with it."""


class Part(Protocol):
    """What a worker runs: `OutboxRelay`, `Consumer`, `JobRunner`."""

    @property
    def healthy(self) -> bool:
        """False when only a restart helps."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it has what it needs: its connections, above all."""
        ...

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what has begun and return."""
        ...


class Worker:
    """Runs parts side by side and answers for them on `/healthz`, `/readyz` and `/metrics`.

    `/healthz` is 503 once a part has died or hangs: restart the process. `/readyz` is 503 while a part or one of the
    things in `readiness` is not `ok`, and from the moment the worker is told to stop.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        *,
        port: int,
        host: str = "0.0.0.0",  # noqa: S104 - the probes come from outside of the pod
        readiness: Readiness | None = None,
        grace_seconds: float = 15.0,
    ) -> None:
        self._parts = parts
        self._readiness = readiness
        self._grace_seconds = grace_seconds
        self._stop = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        routes = [Route("/healthz", self._healthz), Route("/readyz", self._readyz), Route("/metrics", _metrics)]
        self._server = _Server(
            uvicorn.Config(
                Starlette(routes=routes), host=host, port=port, log_config=None, access_log=False, lifespan="off"
            )
        )

    async def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop()`; what has begun then has `grace_seconds` to finish."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        serving = asyncio.create_task(self._server.serve())
        try:
            for name, part in self._parts.items():
                task = self._tasks[name] = asyncio.create_task(part.run(self._stop), name=name)
                task.add_done_callback(self._ended)
            settle_after_start()
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait((stopping, serving), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        finally:
            self.stop()
            await self._finish_parts()
            self._server.should_exit = True
            await serving
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Begin the end: not ready any more, no new work."""
        self._stop.set()

    async def _finish_parts(self) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks.values(), timeout=self._grace_seconds)
        for task in late:
            _log.warning("part did not finish in time", consumer=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not self._stop.is_set():
            error = None if task.cancelled() else task.exception()
            _log.error("part died", consumer=task.get_name(), exc_info=error)

    async def _healthz(self, _: Request) -> Response:
        ill = [name for name, task in self._tasks.items() if task.done() or not self._parts[name].healthy]
        if ill and not self._stop.is_set():
            return PlainTextResponse(f"not working: {', '.join(ill)}\n", 503)
        return PlainTextResponse("ok\n")

    async def _readyz(self, _: Request) -> Response:
        results = {name: "ok" if part.ready else "not ready" for name, part in self._parts.items()}
        if self._readiness is not None:
            results |= await self._readiness()
        if self._stop.is_set():
            results["worker"] = "stopping"
        ready = all(result == "ok" for result in results.values())
        body = orjson.dumps({"ready": ready, "checks": results})
        return Response(body, 200 if ready else 503, media_type="application/json")


async def _metrics(_: Request) -> Response:
    return Response(render_metrics(), media_type=METRICS_CONTENT_TYPE)


class _Server(uvicorn.Server):
    """Leaves the signals to the worker: the probes are answered until the last part has finished."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_worker(
    parts: Mapping[str, Part],
    *,
    port: int,
    readiness: Readiness | None = None,
    grace_seconds: float = 15.0,
) -> None:
    """Run a worker process to its end: `await run_worker({"relay": relay, "consumer": consumer}, port=9000)`."""
    await Worker(parts, port=port, readiness=readiness, grace_seconds=grace_seconds).run()
