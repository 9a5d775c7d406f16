"""Signed webhooks to the gateway, repeated until somebody takes them: at least once, in no promised order."""

import asyncio
import hashlib
import hmac
import json
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel

from sandbox.background import Background

MAX_PENDING = 2_000
AT_ONCE = 8
TIMEOUT_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subscriber:
    """Where a vendor's webhooks go, signed with `<header>: sha256=<hex HMAC of the raw body>`."""

    path: str
    signature_header: str
    secret: str

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that go with exactly these bytes."""
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", self.signature_header: f"sha256={digest}"}


class WebhookTally(BaseModel):
    """How the webhooks are doing since the start."""

    target: str
    delivered: int = 0
    pending: int = 0
    given_up: int = 0
    last_problem: str | None = None


class Webhooks:
    """Delivers payloads in the background; a payload nobody takes is given up after the last wait."""

    def __init__(self, base_url: str, retry_seconds: Sequence[float], background: Background) -> None:
        self.tally = WebhookTally(target=base_url.rstrip("/"))
        self._retry_seconds = retry_seconds
        self._background = background
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS,
            trust_env=False,  # a proxy meant for the internet must not see loopback traffic
        )
        self._turn = asyncio.Semaphore(AT_ONCE)

    def send(self, subscriber: Subscriber, payload: object) -> None:
        """Start delivering one payload; when too many are pending it is given up at once."""
        if self.tally.pending >= MAX_PENDING:
            self._give_up("too many webhooks pending")
            return
        self.tally.pending += 1
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        self._background.start(self._deliver(subscriber, body))

    async def handshake(self, subscriber: Subscriber, params: dict[str, str]) -> httpx.Response:
        """One GET to the subscriber. Raises httpx.HTTPError when nobody answers."""
        return await self._client.get(self.tally.target + subscriber.path, params=params)

    async def close(self) -> None:
        """Drop the connections."""
        await self._client.aclose()

    async def _deliver(self, subscriber: Subscriber, body: bytes) -> None:
        problem = None
        for wait in (0.0, *self._retry_seconds):
            # Half of the wait at random, so that payloads that failed together do not come back together.
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311
            problem = await self._attempt(subscriber, body)
            if problem is None:
                self.tally.pending -= 1
                self.tally.delivered += 1
                return
            self.tally.last_problem = problem
        self.tally.pending -= 1
        self._give_up(f"{subscriber.path}: {problem}")

    async def _attempt(self, subscriber: Subscriber, body: bytes) -> str | None:
        url, headers = self.tally.target + subscriber.path, subscriber.headers(body)
        try:
            async with self._turn:
                answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError as problem:
            return type(problem).__name__
        return None if answer.is_success else f"HTTP {answer.status_code}"

    def _give_up(self, reason: str) -> None:
        self.tally.given_up += 1
        self.tally.last_problem = reason
        log.warning("webhook given up: %s", reason)
