"""Debian's RabbitMQ with a port mapper (epmd) of its own, so that several brokers live side by side."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
from aio_pika.exceptions import AMQPError

from libs.common.testing.parts.process import (
    LocalProcess,
    NotReady,
    ProcessFailed,
    free_port,
    installed,
    port_is_free,
)

# The wrapper on the PATH drops to another user and loses the settings below.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class PortMapper(LocalProcess):
    """Erlang's epmd in the foreground: started by us, it is not left behind as a daemon by the broker."""

    def __init__(self, folder: Path) -> None:
        super().__init__("epmd", folder)

    @property
    def url(self) -> str:
        return f"epmd://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        program = installed("epmd", package="erlang-base")
        return [program, "-address", "127.0.0.1", "-port", str(self.port)]

    async def probe(self) -> None:
        if port_is_free(self.port):
            raise NotReady("nobody listens")


class RabbitPart(LocalProcess):
    """A single-node broker (user guest, password guest); ready after about 9 s."""

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        super().__init__("rabbitmq", folder, port=port, log=log)
        self._port_mapper = PortMapper(self.folder)
        self._distribution_port = free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def command(self) -> list[str]:
        if not SERVER.exists():
            raise ProcessFailed("rabbitmq-server is not installed; it comes in the package rabbitmq-server")
        return [str(SERVER)]

    def environment(self) -> Mapping[str, str]:
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[].\n")
        return {
            "HOME": str(self.folder),  # the Erlang cookie
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),  # not the machine's
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbitmq.pid"),
            "RABBITMQ_NODENAME": "clinic@127.0.0.1",  # a name would have to be resolved
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_PORT": str(self._port_mapper.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The start script then becomes the broker instead of waiting beside it: one process id to signal.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    async def start(self, within: float = 90.0) -> None:
        if self._port_mapper.pid is None:
            await self._port_mapper.start()
        await super().start(within)

    async def probe(self) -> None:
        await ping_rabbit(self.url)

    async def stop(self, grace: float = 15.0) -> None:
        await super().stop(grace)
        await self._port_mapper.stop()


async def ping_rabbit(url: str) -> None:
    """NotReady unless a broker lets us log in and opens a channel."""
    address = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port or 5672)
        writer.close()  # only now is aio-pika asked: it logs an error for each connection that is refused
        connection = await aio_pika.connect(url, timeout=1.5)
        async with connection:
            await connection.channel()
    except (AMQPError, OSError) as error:
        raise NotReady(str(error)) from error
