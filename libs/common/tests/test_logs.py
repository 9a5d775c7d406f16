"""Log lines carry what helps and never what a person typed."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from libs.common.errors import Conflict
from libs.common.telemetry import metrics
from libs.common.telemetry.logs import (
    allow_log_keys,
    bind_context,
    clear_context,
    current_context,
    get_logger,
    setup_logging,
)

CANARY = "+919812345678"


class SlotTaken(Conflict):
    code = "slot_taken"
    title = "The slot is taken"


class Output:
    """The lines logged so far."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def output() -> Iterator[Output]:
    root = logging.getLogger()
    before = root.handlers, root.level
    output = Output()
    setup_logging("scheduling", "INFO", output.stream)
    yield output
    root.handlers, root.level = before
    structlog.reset_defaults()
    clear_context()


LogOne = Callable[..., None]


def with_structlog(message: str, **keys: Any) -> None:
    get_logger("services.x").info(message, **keys)


def with_logging(message: str, **keys: Any) -> None:
    logging.getLogger("services.x").info(message, exc_info=keys.pop("exc_info", None), extra=keys)


@pytest.fixture(params=[with_structlog, with_logging])
def log(request: pytest.FixtureRequest) -> LogOne:
    chosen: LogOne = request.param
    return chosen


def test_a_line_says_who_where_and_how_it_went(output: Output, log: LogOne) -> None:
    bind_context(request_id="req_1", actor_id="usr_1", clinic_id="cln_1")
    bind_context(route="/slots", code="slot_taken")
    with trace.use_span(TracerProvider().get_tracer("t").start_span("s")) as span:
        log("request", status=200, latency_ms=1.5, outcome="ok")
    (line,) = output.lines
    context = span.get_span_context()
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "scheduling",
        "module": "services.x",
        "event": "request",
        "request_id": "req_1",
        "actor_id": "usr_1",
        "clinic_id": "cln_1",
        "route": "/slots",
        "code": "slot_taken",
        "status": 200,
        "latency_ms": 1.5,
        "outcome": "ok",
        "trace_id": format(context.trace_id, "032x"),
        "span_id": format(context.span_id, "016x"),
    }


def test_a_cleared_context_is_gone(output: Output, log: LogOne) -> None:
    bind_context(request_id="req_1")
    clear_context()
    log("request")
    assert current_context() == {}
    assert "request_id" not in output.lines[0]


def test_keys_that_are_not_allowed_are_dropped_named_and_counted(output: Output, log: LogOne) -> None:
    dropped = metrics.LOG_KEYS_DROPPED._value.get()
    log("patient registered", phone=CANARY, status=201, **{f"key {CANARY}": 1})
    assert CANARY not in output.text
    assert output.lines[0]["dropped"] == ["phone"]
    assert output.lines[0]["status"] == 201
    assert metrics.LOG_KEYS_DROPPED._value.get() == dropped + 2


def test_objects_under_an_allowed_key_are_not_written_out(output: Output, log: LogOne) -> None:
    log("odd", reason={"phone": CANARY}, outcome=[CANARY], code=ValueError(CANARY))
    assert CANARY not in output.text
    assert output.lines[0]["reason"] == "<dict>"


def test_a_service_can_allow_keys_of_its_own(output: Output, log: LogOne) -> None:
    allow_log_keys("appointment_id")
    log("booked", appointment_id="apt_1")
    assert output.lines[0]["appointment_id"] == "apt_1"


def test_an_exception_shows_its_type_and_frames_but_not_its_message(output: Output, log: LogOne) -> None:
    def handle(phone: str) -> None:
        try:
            int(phone.replace("+", "x"))
        except ValueError as error:
            raise RuntimeError(f"cannot use {phone}") from error

    try:
        handle(CANARY)
    except RuntimeError as error:
        log("unhandled", exc_info=error)
    assert CANARY not in output.text
    assert CANARY.replace("+", "x") not in output.text
    logged = output.lines[0]["error"]
    assert logged["type"] == "builtins.RuntimeError"
    assert logged["frames"][-1].endswith(" handle")
    assert logged["cause"]["type"] == "builtins.ValueError"


def test_a_problem_shows_its_code_and_detail(output: Output, log: LogOne) -> None:
    log("refused", exc_info=SlotTaken())
    assert output.lines[0]["error"]["code"] == "slot_taken"
    assert output.lines[0]["error"]["detail"] == "The slot is taken"


def test_the_errors_of_a_group_show(output: Output, log: LogOne) -> None:
    log("unhandled", exc_info=ExceptionGroup(CANARY, [KeyError(CANARY), SlotTaken()]))
    assert CANARY not in output.text
    assert [inner["type"].split(".")[-1] for inner in output.lines[0]["error"]["errors"]] == ["KeyError", "SlotTaken"]


def test_the_current_exception_is_found(output: Output) -> None:
    try:
        raise LookupError(CANARY)
    except LookupError:
        get_logger("a").exception("failed")
        logging.getLogger("b").exception("failed")
    assert [line["error"]["type"] for line in output.lines] == ["builtins.LookupError"] * 2
    assert CANARY not in output.text


def test_messages_of_libraries_keep_numbers_and_lose_the_rest(output: Output) -> None:
    logger = logging.getLogger("aiormq.connection")
    logger.warning("Connection attempt to %r failed. Reconnecting after %d seconds", f"amqp://u:{CANARY}@h", 5)
    logger.warning("Task exception was never retrieved\nfuture: %s", CANARY)
    logger.warning("dict %(a)s", {"a": CANARY})
    broken = logging.makeLogRecord({"msg": "broken %d", "args": (CANARY,), "levelname": "WARNING"})
    logging.getLogger().handlers[0].handle(broken)
    assert CANARY not in output.text
    assert [line["event"] for line in output.lines] == [
        "Connection attempt to '?' failed. Reconnecting after 5 seconds",
        "Task exception was never retrieved",
        "dict %(a)s",
        "broken %d",
    ]


def test_chatty_libraries_and_access_logs_are_silent(output: Output) -> None:
    setup_logging("scheduling", "DEBUG", output.stream)
    for name in ("pymongo.command", "httpx", "aio_pika.connection", "httpcore.http11"):
        logging.getLogger(name).info("GET /patients?phone=" + CANARY)
    logging.getLogger("uvicorn.access").info('"GET /patients?phone=%s"', CANARY)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    assert [line["event"] for line in output.lines] == ["Started server process [7]"]


def test_less_than_the_level_is_not_logged(output: Output) -> None:
    get_logger("a").debug("detail")
    logging.getLogger("b").debug("detail")
    assert output.text == ""
