"""A gateway on uvloop in a thread of its own, in front of a stub service, as fixtures."""

import base64
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.main import Server, server_of
from gateway.routes import Service
from gateway.settings import GatewaySettings
from gateway.tests.stubs import StubService, running_stub
from libs.common.ids import new_id
from libs.common.testing.identity import ISSUER, KID, FixedKeys, TokenMint
from libs.common.testing.waiting import eventually


@dataclass
class RunningGateway:
    """Where it listens, and who may be let in."""

    port: int
    mint: TokenMint
    client: httpx.AsyncClient
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bearer(self, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.mint.staff('front_desk', 'cln_1', **claims)}"}

    def raw(self, request_line: str, *lines: str, body: bytes = b"", host: bool = True) -> bytes:
        """The bytes of a request with a good token."""
        token = self.bearer()["Authorization"]
        head = [request_line, *(["Host: gateway"] if host else []), f"Authorization: {token}", *lines]
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class Start(Protocol):
    """Runs a gateway with these settings until the test ends."""

    async def __call__(self, **settings: Any) -> RunningGateway: ...


@pytest.fixture(scope="session")
def keys() -> FixedKeys:
    return FixedKeys()


@pytest_asyncio.fixture(loop_scope="session")
async def service(keys: FixedKeys) -> AsyncIterator[StubService]:
    """All five services in one; it publishes the keys as auth does."""
    async with running_stub() as stub:
        public = keys.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
        jwks = {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": KID, "x": x}]}
        stub.answers["/.well-known/jwks.json"] = json_answer(jwks)
        stub.answers["/.well-known/revoked-sessions"] = json_answer({"sids": []})
        stub.answers["/openapi.json"] = json_answer({"openapi": "3.1.0", "paths": {}})
        yield stub


@pytest_asyncio.fixture(loop_scope="session")
async def start(service: StubService, keys: FixedKeys, redis_url: str) -> AsyncIterator[Start]:
    """`await start(setting=value, ...)` runs a gateway with these settings until the test ends."""
    with ExitStack() as stack:
        clients: list[httpx.AsyncClient] = []

        async def start_gateway(**settings: Any) -> RunningGateway:
            urls = {f"{name}_url": service.url for name in Service}
            standard: dict[str, Any] = {
                "port": 0,
                "unready_seconds": 0,
                "environment": "test",
                "redis_url": redis_url,
                "limits_prefix": f"{new_id('gwt')}:",
                "token_issuer": ISSUER,
                **urls,
            }
            server = server_of(GatewaySettings(**(standard | settings)))
            thread = threading.Thread(target=server.run)
            thread.start()
            stack.callback(thread.join, 20)
            stack.callback(setattr, server, "should_exit", True)
            await eventually(lambda: server.started)
            port = server.servers[0].sockets[0].getsockname()[1]
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
            clients.append(client)
            return RunningGateway(port, TokenMint(keys), client, server)

        yield start_gateway
        for client in clients:
            await client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(start: Start) -> RunningGateway:
    """A gateway with its defaults."""
    return await start()


def json_answer(value: Any, status: str = "200 OK") -> bytes:
    body = orjson.dumps(value)
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
