"""Debian's Redis as a process of its own; nothing is persisted, as losing Redis must never lose a booking."""

from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.testing.parts.process import LocalProcess, NotReady, installed


class RedisPart(LocalProcess):
    """A Redis server without persistence."""

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        super().__init__("redis", folder, port=port, log=log)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        program = installed("redis-server", package="redis-server")
        options = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self.folder), "save": ""}
        return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]

    async def probe(self) -> None:
        await ping_redis(self.url)


async def ping_redis(url: str) -> None:
    """NotReady unless a Redis server answers a ping."""
    client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise NotReady(str(error)) from error
    finally:
        await client.aclose()
