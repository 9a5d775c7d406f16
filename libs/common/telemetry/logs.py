"""One JSON line per log event, of allow-listed keys only, so that personal data cannot leak into the logs.

Both ways to log end in the same line:

    bind_context(request_id="req_01j...", actor_id="usr_01j...")
    get_logger(__name__).info("request served", route="/slots", status=200, latency_ms=3.1, outcome="ok")
    logging.getLogger(__name__).info("request served", extra={"route": "/slots", "status": 200})
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson
import structlog
from opentelemetry import trace
from structlog.typing import FilteringBoundLogger

from libs.common.errors import Problem
from libs.common.telemetry import metrics

# What may be logged. Ids, names of code and of infrastructure, numbers; nothing a person typed.
_allowed = {
    "event", "module", "request_id", "correlation_id", "actor_id", "clinic_id",
    "route", "method", "status", "latency_ms", "outcome", "code", "error_type",
    "event_id", "event_type", "queue", "routing_key", "consumer", "attempt", "delay_ms", "reason",
    "aggregate_id", "collection", "index", "database", "count", "pending", "lag_seconds",
    "job", "run_id", "breaker", "state", "upstream", "lock", "kid", "key_id",
    "environment", "version", "port",
}  # fmt: skip
_RECORD_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}
_MAX_FRAMES = 20
_CHATTY = ("aio_pika", "aiormq", "asyncio", "httpcore", "httpx", "pymongo", "urllib3")

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039 (never mutated)


def bind_context(
    *,
    request_id: str | None = None,
    actor_id: str | None = None,
    clinic_id: str | None = None,
    route: str | None = None,
    correlation_id: str | None = None,
    code: str | None = None,
) -> None:
    """Say for whom and for what this task works, and what problem it came to: its log events carry it, its span the
    request."""
    given = {
        "request_id": request_id,
        "actor_id": actor_id,
        "clinic_id": clinic_id,
        "route": route,
        "correlation_id": correlation_id,
        "code": code,
    }
    _context.set({**_context.get(), **{key: value for key, value in given.items() if value is not None}})
    span = trace.get_current_span()
    if request_id is not None and span.is_recording():
        span.set_attribute("request_id", request_id)


def clear_context() -> None:
    """Forget what was bound: the next request or message starts with nothing."""
    _context.set({})


def current_context() -> Mapping[str, str]:
    """What is bound in this task; do not change it."""
    return _context.get()


def allow_log_keys(*keys: str) -> None:
    """Let a service log keys of its own, such as `appointment_id`; never what a person is called or typed."""
    _allowed.update(keys)


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module. The event is a literal sentence; what varies goes into keys."""
    logger: FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


def setup_logging(service: str, level: str = "INFO", stream: BinaryIO | None = None) -> None:
    """Send every log event of this process, structlog's and the standard library's, to `stream` (stdout)."""
    number = logging.getLevelNamesMapping()[level.upper()]
    output = stream or sys.stdout.buffer
    render = _Renderer(service)
    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(output),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_StandardHandler(render, structlog.BytesLogger(output))]
    root.setLevel(number)
    for name in _CHATTY:  # below WARNING these write commands, URLs and connection strings
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    access = logging.getLogger("uvicorn.access")  # query strings hold phone numbers; the middleware logs requests
    access.handlers.clear()
    access.propagate = False


class _Renderer:
    """The last structlog processor: event dictionary in, line of JSON out."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
        line: dict[str, Any] = {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "service": self._service,
            **_context.get(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = format(span.trace_id, "032x")
            line["span_id"] = format(span.span_id, "016x")
        error = _exception(event.pop("exc_info", None))
        dropped = []
        for key, value in event.items():
            if key not in _allowed:
                dropped.append(key)
            elif value is None or isinstance(value, str | int | float):
                line[key] = value
            else:
                line[key] = f"<{type(value).__name__}>"  # an object's text may hold anything
        if dropped:
            metrics.LOG_KEYS_DROPPED.inc(len(dropped))
            line["dropped"] = [key for key in dropped if key.isidentifier()]
        if error is not None:
            line["error"] = _describe(error)
        return orjson.dumps(line)


class _StandardHandler(logging.Handler):
    """Log records of the standard library's loggers, with their `extra` keys, through the same renderer."""

    def __init__(self, render: _Renderer, output: structlog.BytesLogger) -> None:
        super().__init__()
        self._render = render
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        extra = {key: value for key, value in record.__dict__.items() if key not in _RECORD_ATTRIBUTES}
        fields = {**extra, "event": _message(record), "module": record.name, "exc_info": record.exc_info}
        self._output.msg(self._render(None, record.levelname.lower(), fields))


def _message(record: logging.LogRecord) -> str:
    """The message's first line, with every argument but numbers blanked: others hold URLs and values."""
    template = str(record.msg).split("\n", 1)[0]
    if not isinstance(record.args, tuple):
        return template
    try:
        return template % tuple(arg if isinstance(arg, int | float) else "?" for arg in record.args)
    except (TypeError, ValueError):
        return template


def _exception(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
        return exc_info if isinstance(exc_info, BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _describe(error: BaseException) -> dict[str, Any]:
    """Type and frames. The message only of a `Problem`: others quote the values they failed on."""
    frames = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "frames": frames[-_MAX_FRAMES:],
    }
    if isinstance(error, Problem):
        described |= {"code": error.code, "detail": error.detail}
    if isinstance(error, BaseExceptionGroup):
        described["errors"] = [_describe(inner) for inner in error.exceptions[:3]]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = _describe(cause)
    return described
