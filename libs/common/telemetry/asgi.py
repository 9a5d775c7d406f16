"""The server span of each request, as one plain ASGI layer for services and gateway alike.

FastAPI's own spans are not used: they write the query string (`?phone=`) into every span, and the gateway is
no FastAPI app. Switch them off with `FastAPI(telemetry=NATIVE_TELEMETRY_OFF)`.
"""

from fastapi.telemetry import TelemetryConfig
from opentelemetry import context as otel_context
from opentelemetry.trace import Span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.telemetry.tracing import mark_failed, start_server_span

NATIVE_TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}

_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})


class TracingMiddleware:
    """Goes outermost. Names the span `METHOD route` by `scope["route"].path`, which the router sets.

    `bind_context(request_id=...)` inside it puts the request id on the span. A caller's `traceparent` is
    followed, and `X-Trace: 1` traces a request that sampling would have skipped.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        traceparent, forced = None, False
        for name, value in scope["headers"]:
            if name == b"traceparent":
                traceparent = value.decode("latin-1")
            elif name == b"x-trace":
                forced = value == b"1"
        span, context = start_server_span(scope["method"], traceparent, forced=forced)
        status = 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = otel_context.attach(context)
        try:
            await self._app(scope, receive, watched_send if span.is_recording() else send)
        except BaseException as error:
            mark_failed(span, type(error).__qualname__)
            raise
        finally:
            otel_context.detach(token)
            if span.is_recording():
                _describe(span, scope, status)
            span.end()


def _describe(span: Span, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    span.update_name(f"{scope['method']} {route}")
    span.set_attributes({"http.request.method": scope["method"], "http.route": route})
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        mark_failed(span, str(status))
