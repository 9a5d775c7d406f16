"""Starts the outside world: `python -m sandbox.main`."""

import asyncio
import contextlib
import logging
import socket
import sys

import uvicorn

from sandbox.app import create_app
from sandbox.settings import SandboxSettings
from sandbox.world import running_world

log = logging.getLogger("sandbox")


async def serve(settings: SandboxSettings) -> None:
    """Run until a signal comes. Raises OSError, naming the address, when a port is taken."""
    async with running_world(settings) as world:
        listener = socket.create_server((settings.host, settings.port))
        config = uvicorn.Config(
            create_app(world),
            lifespan="off",
            ws="none",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
        log.info("page http://%s:%d/  smtp port %d", settings.host, settings.port, world.smtp_port)
        await uvicorn.Server(config).serve(sockets=[listener])


def main() -> None:
    """The process: one clear line and exit code 1 when a port is taken."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(SandboxSettings()))
    except OSError as problem:
        sys.exit(f"sandbox: {problem.strerror}")


if __name__ == "__main__":
    main()
