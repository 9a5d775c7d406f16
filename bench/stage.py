"""What is measured: gateway, scheduling's API and worker, on parts of their own, all on the servers' core.

Identity is ours: tokens signed with a key made here, which an endpoint of `echo_service` publishes where services and
gateway expect auth. Telemetry samples as it does by default, and writes its spans to files.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import orjson
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bench.machine import on_the_servers_core
from libs.common.audit import AUDIT_EXCHANGE
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.topology import declare_exchange
from libs.common.mongo.database import CODEC
from libs.common.testing.identity import ISSUER, KID, FixedKeys, TokenMint
from libs.common.testing.parts import MongoPart, RabbitPart, RedisPart, free_port
from tools.platform.processes import UVICORN, PlatformProcess

ROOT = Path(__file__).resolve().parents[1]
UPSTREAMS = ("AUTH", "REGISTRY", "NOTIFICATIONS", "AUDIT")
TOKENS_LIVE = 3600
LAGS_FILE = "BENCH_LAGS"
"""The variable that tells `bench.listener` where to write."""


class Stage:
    """The running servers by name. The worker and RabbitMQ run only inside `background`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mongo = MongoPart(folder / "mongo")
        self.redis = RedisPart(folder / "redis")
        self.rabbit = RabbitPart(folder / "rabbit")
        self._keys = FixedKeys()
        self.mint = TokenMint(self._keys)
        ports = {name: free_port() for name in ("echo", "observed", "scheduling", "gateway", "worker", "listener")}
        echo = f"http://127.0.0.1:{ports['echo']}"
        self._environment = {
            "ENVIRONMENT": "production",
            "HOST": "127.0.0.1",
            "MONGODB_URL": self.mongo.url,
            "REDIS_URL": self.redis.url,
            "AMQP_URL": self.rabbit.url,
            "TOKEN_ISSUER": ISSUER,
            "SPANS_DIR": str(folder / "spans"),
            "BENCH_JWKS": _jwks(self._keys),
            "SCHEDULING_URL": f"http://127.0.0.1:{ports['scheduling']}",
            **{f"{name}_URL": echo for name in UPSTREAMS},
        }
        self.echo = self._uvicorn("echo", "bench.echo_service:app", ports)
        self.observed = self._uvicorn("observed", "bench.echo_service:observed", ports)
        self.api = self._uvicorn("scheduling", "services.scheduling.main:app", ports)
        self.gateway = self._process("gateway", "gateway", ["gateway.main"], PORT=str(ports["gateway"]))
        self.worker = self._process(
            "worker", "worker", ["services.scheduling.worker"], WORKER_PORT=str(ports["worker"])
        )

    @property
    def servers(self) -> dict[str, Any]:
        """What a booking passes through, by the name its CPU is shown under."""
        return {"gateway": self.gateway, "service": self.api, "mongo": self.mongo, "redis": self.redis}

    @asynccontextmanager
    async def database(self, service: str = "scheduling") -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
        """A service's database, as its owner sees it."""
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.mongo.url, tz_aware=True)
        try:
            yield client.get_database(f"clinic_{service}", codec_options=CODEC)
        finally:
            await client.close()

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """With RabbitMQ and the worker, as in production, and nothing left to publish from before."""
        async with AsyncExitStack() as stack:
            with on_the_servers_core():
                await stack.enter_async_context(self.rabbit)
                await self._subscribe_for_all()
                await stack.enter_async_context(self.worker)
            await until(self._nothing_is_pending)
            yield

    async def _nothing_is_pending(self) -> bool:
        async with self.database() as db:
            return await db.appointments.find_one({"outbox_at": {"$exists": True}}) is None

    async def _subscribe_for_all(self) -> None:
        """A queue that takes and forgets every message: elsewhere, the services that listen do it. Without them the
        relay would keep what nobody is bound to."""
        async with await aio_pika.connect(self.rabbit.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("bench.all", arguments={"x-max-length": 100})  # the oldest go
            for exchange in (EVENTS_EXCHANGE, AUDIT_EXCHANGE):
                await queue.bind(await declare_exchange(channel, exchange), "#")

    async def raw(self, operation: str, count: int) -> Any:
        """What `bench.raw_client` says, run on the servers' core."""
        with on_the_servers_core():
            client = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.raw_client", operation, str(count)),
                env={**os.environ, **self._environment},
                stdout=asyncio.subprocess.PIPE,
            )
        output, _ = await client.communicate()
        if client.returncode:
            raise RuntimeError(f"raw {operation} failed, see above")
        return orjson.loads(output)

    def listener(self, lags: Path) -> PlatformProcess:
        """A service that handles the events of bookings, and writes their lags to a file when it is stopped."""
        environment = {LAGS_FILE: str(lags), "WORKER_PORT": str(free_port())}
        return self._process("worker", "listener", ["bench.listener"], **environment)

    def _uvicorn(self, name: str, app: str, ports: Mapping[str, int]) -> PlatformProcess:
        port = str(ports[name])
        return self._process("api", name, ["uvicorn", app, "--port", port, *UVICORN], PORT=port)

    def _process(self, kind: str, name: str, arguments: list[str], **environment: str) -> PlatformProcess:
        log = self.folder / f"{name}.log"
        return PlatformProcess(kind, name, arguments, self._environment | environment, root=ROOT, log=log)

    def token(self, role: str, clinic_id: str) -> str:
        """Somebody of the clinic's staff, logged in for the whole run."""
        return self.mint.staff(role, clinic_id, exp=int(time.time()) + TOKENS_LIVE)


@asynccontextmanager
async def running_stage() -> AsyncIterator[Stage]:
    """Everything but the background, started; afterwards nothing is left running."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stage = Stage(folder)
        with on_the_servers_core():
            for server in (stage.mongo, stage.redis, stage.echo, stage.observed, stage.api, stage.gateway):
                await stack.enter_async_context(server)
        yield stage


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> None:
    """Return once another process has made it true; raises TimeoutError."""
    for _ in range(int(seconds / 0.2)):
        if await condition():
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(condition.__name__)


def _jwks(keys: FixedKeys) -> str:
    raw = keys.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key = {"kty": "OKP", "crv": "Ed25519", "kid": KID, "alg": "EdDSA", "x": base64url_encode(raw).decode()}
    return orjson.dumps({"keys": [key]}).decode()
