"""Plays the steps, and finds out from the collected spans which events each call caused."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from libs.common.telemetry.span_store import spans_of_request
from tools.demo.story import STEPS, Day, Step
from tools.gateway_client import Refused, Reply

EVENTS_SEEN_WITHIN = 10.0
CONFIRMATION_ARRIVES_WITHIN = 20.0


@dataclass(frozen=True)
class Played:
    """One step as it went. Latency in milliseconds, as the client saw it."""

    title: str
    call: str
    status: int
    latency_ms: float
    request_id: str
    events: list[str]
    told: str
    ok: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def play(day: Day, spans: Path) -> Iterator[tuple[Step, Played | None]]:
    """Each step twice: when it begins, and when it is done. Stops after the first that went wrong."""
    for step in STEPS:
        yield step, None
        reply = step.call(day)
        played = _judge(day, step, reply, spans)
        yield step, played
        if not played.ok:
            return


def _judge(day: Day, step: Step, reply: Reply, spans: Path) -> Played:
    events = _events_of(reply.request_id, step.events, spans)
    missing = [event for event in step.events if event not in events]
    ok, told = reply.status == step.status and not missing, ""
    try:
        if reply.status != step.status:
            told = f"expected {step.status}: {reply.body}"
        elif missing:
            told = f"no {', '.join(missing)} within {EVENTS_SEEN_WITHIN:.0f} s"
        else:
            told = step.told(day, reply)
    except Refused as refused:
        ok, told = False, str(refused)
    call = f"{reply.method} {reply.path}"
    return Played(step.title, call, reply.status, round(reply.latency_ms, 1), reply.request_id, events, told, ok)


def _events_of(request_id: str, expected: tuple[str, ...], spans: Path) -> list[str]:
    """The events published in the trace of this request; waits for those that are expected."""
    deadline = time.monotonic() + EVENTS_SEEN_WITHIN
    while True:
        found = [event for span in spans_of_request(spans, request_id) for event in span.attributes.get("events", ())]
        if all(event in found for event in expected) or time.monotonic() > deadline:
            return list(dict.fromkeys(found))
        time.sleep(0.1)


def confirmation(day: Day) -> tuple[str, float]:
    """What the patient's phone shows about the booking, and after how many seconds it was there."""
    started = time.monotonic()
    while time.monotonic() - started < CONFIRMATION_ARRIVES_WITHIN:
        for message in day.gateway.messages(day.phone):
            if "code" not in message["body"]:
                return f"{message['channel']}: {message['body']}", time.monotonic() - started
        time.sleep(0.1)
    raise Refused(f"no confirmation reached {day.phone} within {CONFIRMATION_ARRIVES_WITHIN:.0f} s")
