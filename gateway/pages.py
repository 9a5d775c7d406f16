"""What the gateway answers itself: health, metrics, the merged OpenAPI document and the page that shows it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from gateway.docs import ASSETS, DOCS_HTML
from gateway.headers import Headers
from gateway.openapi import MergedOpenApi
from gateway.protocol import Lifecycle
from gateway.routes import Service
from gateway.telemetry import IN_FLIGHT, IN_FLIGHT_LIMIT, REFUSED, WAITING
from gateway.upstream.pool import Upstream
from libs.common.security.published import PublishedKeys
from libs.common.telemetry.metrics import METRICS_CONTENT_TYPE, render_metrics

_PIECE_BYTES = 65_536
_CONTENT_SECURITY = (
    b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of ours; the body is bytes, or a file that is sent in pieces."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | Path = b""

    async def pieces(self) -> AsyncIterator[bytes]:
        if isinstance(self.body, bytes):
            if self.body:
                yield self.body
            return
        with self.body.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


Handler = Callable[[], Awaitable[Page]]


def page_of(body: bytes, media_type: str, status: int = 200, more: Headers | None = None) -> Page:
    """A small page, held in memory, that no cache keeps."""
    headers: Headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Page(status, headers + (more or []), body)


class Pages:
    """The gateway's own paths, which are for GET and HEAD."""

    def __init__(
        self,
        *,
        lifecycle: Lifecycle,
        keys: PublishedKeys,
        upstreams: Mapping[Service, Upstream],
        openapi: MergedOpenApi,
    ) -> None:
        self._lifecycle = lifecycle
        self._keys = keys
        self._upstreams = upstreams
        self._openapi = openapi
        self._handlers: dict[str, Handler] = {
            "/": self._home,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi_json,
            "/docs": self._docs,
        }

    def find(self, path: str) -> Handler | None:
        handler = self._handlers.get(path)
        if handler is None and path.startswith("/docs/"):
            asset = ASSETS.get(path)
            return None if asset is None else lambda: self._asset(*asset)
        return handler

    async def _home(self) -> Page:
        return page_of(b"", "text/plain", 307, [(b"location", b"/docs")])

    async def _healthz(self) -> Page:
        return page_of(b"ok\n", "text/plain")

    async def _readyz(self) -> Page:
        """Ready when tokens can be verified. A service that is away does not make the gateway unready: others work."""
        checks = {
            "keys": "ok" if self._keys.loaded else "not loaded yet",
            "process": "draining" if self._lifecycle.draining else "ok",
        }
        ready = all(check == "ok" for check in checks.values())
        services = {
            upstream.name: {
                "breaker": upstream.breaker.state,
                "in_flight": upstream.admission.in_flight,
                "waiting": upstream.admission.waiting,
            }
            for upstream in self._upstreams.values()
        }
        body = orjson.dumps({"ready": ready, "checks": checks, "services": services})
        return page_of(body, "application/json", 200 if ready else 503)

    async def _metrics(self) -> Page:
        for upstream in self._upstreams.values():
            IN_FLIGHT.labels(upstream.name).set(upstream.admission.in_flight)
            WAITING.labels(upstream.name).set(upstream.admission.waiting)
            REFUSED.labels(upstream.name).set(upstream.admission.refused)
            IN_FLIGHT_LIMIT.labels(upstream.name).set(upstream.admission.limit)
        return page_of(render_metrics(), METRICS_CONTENT_TYPE)

    async def _openapi_json(self) -> Page:
        return page_of(await self._openapi.document(), "application/json")

    async def _docs(self) -> Page:
        return page_of(DOCS_HTML, "text/html; charset=utf-8", 200, [(b"content-security-policy", _CONTENT_SECURITY)])

    async def _asset(self, file: Path, media_type: str) -> Page:
        size = (await asyncio.to_thread(file.stat)).st_size
        headers: Headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % size),
            (b"cache-control", b"public, max-age=3600"),
            (b"x-content-type-options", b"nosniff"),
        ]
        return Page(200, headers, file)
