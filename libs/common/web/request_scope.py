"""Everything that wraps a request, in one pass of plain ASGI: id, body limit, headers, metrics, one log line."""

import re
import time

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.errors import PayloadTooLarge
from libs.common.ids import new_id
from libs.common.telemetry.logs import bind_context, clear_context, get_logger
from libs.common.telemetry.metrics import observe_request
from libs.common.web.problem_json import problem_response, unexpected

log = get_logger("http")

_SAFE_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{8,80}")
_CLIENT_WENT_AWAY = 499
_UNLOGGED = frozenset({"/healthz", "/readyz", "/metrics"})
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]


class RequestScope:
    """The only middleware. (A `BaseHTTPMiddleware` would cost more than the rest of the request.)"""

    def __init__(self, app: ASGIApp, *, service: str, max_body_bytes: int) -> None:
        self._app = app
        self._service = service
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._max_body_bytes).run(self._app, self._service)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_body_bytes: int) -> None:
        self._scope = scope
        self._receive_inner = receive
        self._send_inner = send
        self._left = max_body_bytes
        self._status = 0
        self._headers = dict(scope["headers"])
        given = self._headers.get(b"x-request-id", b"")
        self._request_id = given.decode() if _SAFE_REQUEST_ID.fullmatch(given) else new_id("req")

    async def run(self, app: ASGIApp, service: str) -> None:
        started = time.perf_counter()
        clear_context()
        bind_context(request_id=self._request_id)
        try:
            declared = self._headers.get(b"content-length", b"0")
            if declared.isdigit() and int(declared) > self._left:
                raise PayloadTooLarge(f"This route takes at most {self._left} bytes")
            await app(self._scope, self._receive, self._send)
        except ClientDisconnect:
            self._status = _CLIENT_WENT_AWAY
        except PayloadTooLarge as problem:
            await self._answer(problem_response(problem))
        except Exception as error:  # noqa: BLE001 - the last line of defence: answered, logged, counted
            await self._answer(unexpected(error))
        finally:
            self._record(service, time.perf_counter() - started)

    async def _answer(self, response: Response) -> None:
        if self._status == 0:
            await response(self._scope, self._receive_inner, self._forward)

    async def _receive(self) -> Message:
        message = await self._receive_inner()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise PayloadTooLarge  # FastAPI makes a 400 of it, which `_send` replaces
        return message

    async def _send(self, message: Message) -> None:
        if self._left >= 0:
            await self._forward(message)
        elif message["type"] == "http.response.start":
            await problem_response(PayloadTooLarge())(self._scope, self._receive_inner, self._forward)

    async def _forward(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            names = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(header for header in _HEADERS if header[0] not in names),
                (b"x-request-id", self._request_id.encode()),
            ]
        await self._send_inner(message)

    def _record(self, service: str, seconds: float) -> None:
        path = self._scope["path"]
        if path in _UNLOGGED:
            return
        route = getattr(self._scope.get("route"), "path", "unmatched")
        method = self._scope["method"]
        observe_request(service, route, method, self._status, seconds)
        log.info(
            "request",
            method=method,
            route=route,
            status=self._status,
            latency_ms=round(seconds * 1000, 2),
            outcome=_outcome(self._status),
        )


def _outcome(status: int) -> str:
    if status < 400:
        return "ok"
    return "refused" if status < 500 else "failed"
