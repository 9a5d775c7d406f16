"""The gateway as an ASGI application: what happens to a request, in order, from its path to its answer."""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.addresses import ClientAddresses, counted_as
from gateway.cors import Cors
from gateway.forwarding import (
    IDEMPOTENT,
    Deadlines,
    Exchange,
    Receive,
    RequestBody,
    Send,
    stream_response,
)
from gateway.headers import Headers, request_lines, response_headers
from gateway.limits import Limit, RateLimits
from gateway.pages import Page, Pages
from gateway.problems import BadGateway, GatewayTimeout, MethodNotSupported, NotCanonical, UpstreamAway, rendered
from gateway.protocol import ClientConnection
from gateway.request_ids import new_request_id
from gateway.routes import Access, Rate, Route, RouteTable, Service
from gateway.telemetry import AccessLog, Trace, Tracing, observe, outcome_of
from gateway.upstream.connection import ClientGone, ConnectFailed, TimedOut, UpstreamError
from gateway.upstream.pool import Upstream
from libs.common.errors import NotFound, PayloadTooLarge, Problem, Unauthenticated
from libs.common.security.tokens import Claims, TokenVerifier

log = logging.getLogger(__name__)

_SAFE_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{8,80}")
# Dot segments, empty segments, encoded slashes, backslashes and controls; anything that is not visible ASCII. And
# encoded letters, digits, `-._~`, which need none: /auth/%6Cogin would be login to the service, but not to our table.
_NOT_CANONICAL = re.compile(
    r"//|/\.{1,2}(/|$)|%([01][0-9a-f]|2[d-f]|3[0-9]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9aef])|[^\x21-\x7e]|\\",
    re.IGNORECASE,
)
_READING = frozenset({"GET", "HEAD"})
_UPSTREAM_PROBLEMS: dict[type[UpstreamError], type[Problem]] = {ConnectFailed: UpstreamAway, TimedOut: GatewayTimeout}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each class of routes."""

    login: Limit
    webhook: Limit
    user: Limit
    clinic: Limit
    anonymous: Limit


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes."""

    usual: int
    webhook: int


class Request:
    """One request as the gateway sees it, and what becomes of it."""

    def __init__(self, scope: Mapping[str, Any], addresses: ClientAddresses) -> None:
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.query: bytes = scope["query_string"]
        self.header_list: Headers = scope["headers"]
        self.headers = dict(self.header_list)
        self.client: ClientConnection = scope["extensions"]["gateway.connection"]
        given = self.headers.get(b"x-request-id")
        safe = given is not None and _SAFE_REQUEST_ID.fullmatch(given)
        self.request_id = safe[0].decode() if safe else new_request_id()
        peer = scope["client"][0] if scope["client"] else "unknown"
        self.address = addresses.client_of(peer, self.headers.get(b"x-forwarded-for"))
        self.scheme: bytes = scope["scheme"].encode()
        if b"x-forwarded-proto" in self.headers and addresses.is_trusted(peer):
            self.scheme = b"https" if self.headers[b"x-forwarded-proto"] == b"https" else b"http"
        self.origin = self.headers.get(b"origin")
        self.route: Route | None = None
        self.claims: Claims | None = None
        self.status = 0
        self.code: str | None = None
        self.upstream_seconds: float | None = None

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get(b"authorization", b"").partition(b" ")
        return token.strip().decode("latin-1") if token and scheme.lower() == b"bearer" else None


class Gateway:
    """`await gateway(scope, receive, send)` for HTTP; start and stop are `bootstrap`'s."""

    def __init__(
        self,
        *,
        routes: RouteTable,
        pages: Pages,
        verifier: TokenVerifier,
        rates: RateLimits,
        limits: Limits,
        upstreams: Mapping[Service, Upstream],
        addresses: ClientAddresses,
        cors: Cors,
        bodies: BodyLimits,
        deadlines: Deadlines,
        tracing: Tracing,
        access_log: AccessLog,
        trace_on_request: bool,
    ) -> None:
        self._routes = routes
        self._pages = pages
        self._verifier = verifier
        self._rates = rates
        self._limits = limits
        self._upstreams = upstreams
        self._addresses = addresses
        self._cors = cors
        self._bodies = bodies
        self._deadlines = deadlines
        self._tracing = tracing
        self._access_log = access_log
        self._trace_on_request = trace_on_request

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request = Request(scope, self._addresses)
        page = self._pages.find(request.path) if request.method in _READING else None
        if page is not None:
            await self._show(await page(), request, send)
            return
        forced = self._trace_on_request and request.headers.get(b"x-trace") == b"1"
        trace = self._tracing.start(request.method, forced=forced)
        try:
            await self._serve(request, trace, receive, send)
        except Problem as problem:
            await self._refuse(request, problem, send)
        except UpstreamError as error:
            log.warning("upstream failed", extra={"upstream": _service(request), "error_type": type(error).__name__})
            await self._refuse(request, _UPSTREAM_PROBLEMS.get(type(error), BadGateway)(), send)
        except ClientGone:
            request.code = "client_gone"
        except Exception as error:
            log.error("unhandled error", exc_info=error)
            await self._refuse(request, Problem("Quote the request_id when you report it"), send)
        finally:
            self._record(request, trace)

    async def _serve(self, request: Request, trace: Trace, receive: Receive, send: Send) -> None:
        if _NOT_CANONICAL.search(request.path):
            raise NotCanonical(
                "Use the path as documented: no dot segments, no doubled slashes, nothing encoded without need"
            )
        route = request.route = self._routes.match(request.path)
        if route is None and self._pages.find(request.path) is None:
            raise NotFound("No such path")
        if request.method == "OPTIONS" and request.origin is not None:
            await self._show(Page(204, self._cors.preflight(request.origin)), request, send)
            return
        if route is None:
            raise MethodNotSupported(sorted(_READING))
        request.claims = await self._authenticate(route, request)
        await self._count(route, request)
        limit = self._bodies.webhook if route.access is Access.WEBHOOK else self._bodies.usual
        length = request.headers.get(b"content-length")
        if length is not None and int(length) > limit:
            raise PayloadTooLarge(f"This route takes at most {limit} bytes")
        chunked = b"transfer-encoding" in request.headers
        body = RequestBody(receive, limit=limit, chunked=chunked) if chunked or length not in (None, b"0") else None
        await self._forward(route, request, trace, body, send)

    async def _authenticate(self, route: Route, request: Request) -> Claims | None:
        if route.access is Access.PUBLIC or route.access is Access.WEBHOOK:
            return None
        bearer = request.bearer
        if bearer is None:
            if route.access is Access.OFFERED:
                return None
            self._rates.count(self._limits.anonymous, counted_as(request.address))
            raise Unauthenticated("Send an access token: Authorization: Bearer <token>")
        try:
            return await self._verifier.verify(bearer)
        except Unauthenticated:
            if route.access is Access.OFFERED:
                return None
            self._rates.count(self._limits.anonymous, counted_as(request.address))
            raise

    async def _count(self, route: Route, request: Request) -> None:
        if route.rate is Rate.LOGIN:
            await self._rates.count_exactly(self._limits.login, counted_as(request.address))
        elif route.rate is Rate.WEBHOOK:
            self._rates.count(self._limits.webhook, counted_as(request.address))
        elif request.claims is None:
            self._rates.count(self._limits.anonymous, counted_as(request.address))
        else:
            self._rates.count(self._limits.user, request.claims.subject)
            if request.claims.clinic_id is not None:
                self._rates.count(self._limits.clinic, request.claims.clinic_id)

    async def _forward(
        self, route: Route, request: Request, trace: Trace, body: RequestBody | None, send: Send
    ) -> None:
        upstream = self._upstreams[route.service]
        head = self._head(route, request, trace, upstream)
        if body is not None:
            await body.open()  # before anything of the service is taken: how long a client needs is its own affair
        await upstream.admission.enter()
        try:
            await upstream.call(partial(self._exchange, upstream, request, head, body, send))
        finally:
            upstream.admission.leave(request.upstream_seconds)

    async def _exchange(
        self, upstream: Upstream, request: Request, head: bytes, body: RequestBody | None, send: Send
    ) -> None:
        replayable = request.method in IDEMPOTENT or b"idempotency-key" in request.headers
        with Exchange(upstream, request.client, self._deadlines) as exchange:
            connection = await exchange.send_request(head, body, replayable=replayable)
            request.upstream_seconds = exchange.seconds_since_sent()
            status = request.status = connection.status
            headers = response_headers(connection.headers, status) + self._shared(request)
            start = {"type": "http.response.start", "status": status, "headers": headers}
            await stream_response(connection, start, send)

    def _shared(self, request: Request) -> Headers:
        """What every answer carries: the request's id, and whether a page of another origin may read it."""
        return [(b"x-request-id", request.request_id.encode()), *self._cors.headers(request.origin)]

    def _head(self, route: Route, request: Request, trace: Trace, upstream: Upstream) -> bytes:
        method = "GET" if request.method == "HEAD" else request.method  # `Cycle` leaves the body out
        target = request.path.encode() + (b"?" + request.query if request.query else b"")
        chunked = b"transfer-encoding: chunked\r\n" if b"transfer-encoding" in request.headers else b""
        return b"".join(
            [
                b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (method.encode(), target, upstream.authority),
                *request_lines(request.header_list, route.reads),
                chunked,
                b"x-request-id: %b\r\nx-forwarded-for: %b\r\nx-forwarded-proto: %b\r\ntraceparent: %b\r\n\r\n"
                % (
                    request.request_id.encode(),
                    request.address.encode(),
                    request.scheme,
                    trace.traceparent.encode(),
                ),
            ]
        )

    async def _refuse(self, request: Request, problem: Problem, send: Send) -> None:
        """Answer with the problem, or cut the connection when the client already has a part of another answer."""
        request.code = problem.code
        if request.status:
            request.client.abort()
            return
        status, headers, body = rendered(problem, request.request_id)
        await self._show(Page(status, headers, body), request, send)

    async def _show(self, page: Page, request: Request, send: Send) -> None:
        request.status = page.status
        headers = [*page.headers, *self._shared(request)]
        await send({"type": "http.response.start", "status": page.status, "headers": headers})
        async for piece in page.pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _record(self, request: Request, trace: Trace) -> None:
        seconds = time.perf_counter() - request.started
        route = request.route.path if request.route is not None else "unmatched"
        observe(route, request.method, request.status, seconds)
        actor = request.claims.subject if request.claims is not None else None
        outcome = outcome_of(request.status)
        if request.code is not None and request.status < 400:
            outcome = "broken_off" if request.status else "abandoned"
        line: dict[str, Any] = {
            "request_id": request.request_id,
            "trace_id": trace.trace_id,
            "actor_id": actor,
            "method": request.method,
            "route": route,
            "status": request.status,
            "latency_ms": round(seconds * 1000, 2),
            "outcome": outcome,
        }
        if request.code is not None:
            line["code"] = request.code
        self._access_log.write(line)
        if trace.span is not None:
            trace.end(request.method, route, request.status, {"request_id": request.request_id, "outcome": outcome})


def _service(request: Request) -> str | None:
    return None if request.route is None else str(request.route.service)
