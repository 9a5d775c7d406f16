"""`python -m gateway.main`: uvicorn on uvloop with our connection class, and an orderly end."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from types import FrameType
from typing import Any

import uvicorn

from gateway.app import Gateway
from gateway.bootstrap import connection_factory, running_gateway
from gateway.protocol import ClientConnection, Lifecycle
from gateway.settings import GatewaySettings
from libs.common.garbage import settle_after_start
from libs.common.telemetry.logs import setup_logging

log = logging.getLogger(__name__)


class Application:
    """The ASGI entry: starts the gateway with the server and stops it after the last answer."""

    def __init__(self, settings: GatewaySettings, lifecycle: Lifecycle) -> None:
        self._settings = settings
        self._lifecycle = lifecycle
        self._gateway: Gateway | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._gateway is not None:
            await self._gateway(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            self._gateway = await stack.enter_async_context(running_gateway(self._settings, self._lifecycle))
            settle_after_start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


class Server(uvicorn.Server):
    """Sweeps slow connections, and on SIGTERM turns unready for a moment before it stops listening."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, unready_seconds: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._unready_seconds = unready_seconds

    async def on_tick(self, counter: int) -> bool:
        if counter % 5 == 0:  # twice a second
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, ClientConnection):
                    connection.sweep(now)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: unready, still serving, every answer closes its connection. Then uvicorn's own way."""
        if self._lifecycle.draining or sig == signal.SIGINT:
            self._lifecycle.draining = True
            super().handle_exit(sig, frame)
            return
        self._lifecycle.draining = True
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self._unready_seconds, super().handle_exit, sig, frame)


def server_of(settings: GatewaySettings) -> Server:
    """The server, ready to `run()`."""
    lifecycle = Lifecycle()
    config = uvicorn.Config(
        Application(settings, lifecycle),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=connection_factory(settings, lifecycle),  # type: ignore[arg-type] # uvicorn only calls it
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )
    return Server(config, lifecycle, settings.unready_seconds)


def main() -> None:
    settings = GatewaySettings()
    setup_logging(settings.service_name, settings.log_level)
    server_of(settings).run()


if __name__ == "__main__":
    main()
