"""The clinic's day, step by step. Each step is a call a client app would make, and what it must come to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.ids import new_id
from tools.gateway_client import Gateway, Refused, Reply
from tools.seed.clinic import Seed, indian_mobile


@dataclass
class Day:
    """What is known as the day goes on."""

    gateway: Gateway
    seed: Seed
    desk: str = ""
    doctor: str = ""
    compliance: str = ""
    phone: str = field(default_factory=indian_mobile)
    texts_before: int = 0
    patient_id: str = ""
    patient: str = ""
    challenge_id: str = ""
    slots: list[dict[str, Any]] = field(default_factory=list)
    appointment: dict[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: new_id("key"))
    waiting: dict[str, Any] = field(default_factory=dict)

    @property
    def doctor_id(self) -> str:
        return str(self.seed["doctors"][0]["id"])


@dataclass(frozen=True)
class Step:
    """`events` are those the call must cause; `told` says in a sentence what came of it."""

    title: str
    call: Callable[[Day], Reply]
    status: int
    told: Callable[[Day, Reply], str]
    events: tuple[str, ...] = ()


def _log_in(role: str, attribute: str) -> Callable[[Day], Reply]:
    def call(day: Day) -> Reply:
        person = day.seed["staff"][role]
        body = {name: person[name] for name in ("email", "password", "device")}
        reply = day.gateway.call("POST", "/auth/login", json=body)
        if reply.status == 200:
            setattr(day, attribute, reply.body["access_token"])
        return reply

    return call


def _register(day: Day) -> Reply:
    body = {"name": "Asha Rao", "sex": "female", "birth_date": "1988-03-14", "phone": day.phone}
    reply = day.gateway.call("POST", "/patients", token=day.desk, json=body)
    if reply.status == 201:
        day.patient_id = reply.body["id"]
    return reply


def _consent(day: Day) -> Reply:
    body = {"purpose": "notifications_whatsapp", "notice_version": "2026-01", "language": "en"}
    return day.gateway.call("POST", f"/patients/{day.patient_id}/consents", token=day.desk, json=body)


def _bad_phone(day: Day) -> Reply:
    body = {"name": "Ravi K", "phone": "12345"}
    return day.gateway.call("POST", "/patients", token=day.desk, json=body)


def _ask_for_code(day: Day) -> Reply:
    day.texts_before = len(day.gateway.messages(day.phone, channel="sms"))
    reply = day.gateway.call("POST", "/auth/otp/request", json={"phone": day.phone})
    if reply.status == 202:
        day.challenge_id = reply.body["challenge_id"]
    return reply


def _enter_code(day: Day) -> Reply:
    code = day.gateway.code_on(day.phone, more_than=day.texts_before)
    body = {"challenge_id": day.challenge_id, "code": code}
    reply = day.gateway.call("POST", "/auth/otp/verify", json=body)
    if reply.status == 200:
        day.patient = reply.body["access_token"]
    return reply


def _look_for_slots(day: Day) -> Reply:
    earliest = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    params = {"doctor_id": day.doctor_id, "from": earliest, "status": "FREE", "limit": 20}
    reply = day.gateway.call("GET", "/slots", token=day.patient, params=params)
    if reply.status == 200:
        day.slots = reply.body["items"]
    return reply


def _book(day: Day, *, token: str | None = None, patient_id: str | None = None, key: str | None = None) -> Reply:
    body = {"slot_id": day.slots[0]["slot_id"], "patient_id": patient_id or day.patient_id, "reason": "Fever"}
    return day.gateway.call("POST", "/appointments/request", token=token or day.patient, json=body, key=key or day.key)


def _book_first(day: Day) -> Reply:
    reply = _book(day)
    if reply.status == 201:
        day.appointment = reply.body
    return reply


def _book_anothers_slot(day: Day) -> Reply:
    return _book(day, token=day.desk, patient_id=day.seed["patients"][0]["id"], key=new_id("key"))


def _move(move: str, whose: str = "desk", body: Callable[[Day], Any] = lambda _day: None) -> Callable[[Day], Reply]:
    def call(day: Day) -> Reply:
        path = f"/appointments/{day.appointment['id']}/{move}"
        return day.gateway.call("POST", path, token=getattr(day, whose), json=body(day))

    return call


def _join_waitlist(day: Day) -> Reply:
    start = datetime.fromisoformat(day.slots[0]["start"])
    body = {
        "patient_id": day.seed["patients"][1]["id"],
        "doctor_id": day.doctor_id,
        "earliest": start.isoformat(),
        "latest": (start + timedelta(minutes=1)).isoformat(),
    }
    reply = day.gateway.call("POST", "/waitlist", token=day.desk, json=body)
    if reply.status == 201:
        day.waiting = reply.body
    return reply


def _reschedule_body(day: Day) -> Any:
    return {"slot_id": day.slots[1]["slot_id"]}


def _same_answer(day: Day, reply: Reply) -> str:
    if reply.body.get("id") != day.appointment["id"]:
        raise Refused("the same Idempotency-Key made a second appointment")
    return "the same appointment, not a second one"


def _local(day: Day, reply: Reply) -> str:
    start = datetime.fromisoformat(reply.body["start"]).astimezone(ZoneInfo("Asia/Kolkata"))
    return f"{reply.body['status'].lower()} for {start:%a %d %b, %H:%M}"


STEPS = (
    Step("Front desk logs in", _log_in("front_desk", "desk"), 200, lambda *_: "15 minutes of access"),
    Step("Doctor logs in", _log_in("doctor", "doctor"), 200, lambda day, _: day.seed["doctors"][0]["name"]),
    Step("Desk registers a patient", _register, 201, lambda _, r: f"MRN {r.body['mrn']}", ("PATIENT_REGISTERED",)),
    Step("Patient agrees to WhatsApp", _consent, 201, lambda *_: "receipt kept", ("CONSENT_GRANTED",)),
    Step("Bad input: a phone number that is none", _bad_phone, 422, lambda _, r: r.body["detail"]),
    Step("Patient asks for a login code", _ask_for_code, 202, lambda *_: "six digits, by SMS", ("OTP_REQUESTED",)),
    Step("Patient enters it", _enter_code, 200, lambda *_: "24 hours, own records only"),
    Step("Patient looks for a time", _look_for_slots, 200, lambda day, _: f"{len(day.slots)} free slots"),
    Step("Patient books", _book_first, 201, _local, ("APPOINTMENT_CONFIRMED",)),
    Step("Bad connection: the same request again", _book, 201, _same_answer),
    Step("Somebody else wants the same slot", _book_anothers_slot, 409, lambda _, r: r.body["title"]),
    Step("They wait for it", _join_waitlist, 201, lambda *_: "first in line"),
    Step(
        "Patient moves to a later time", _move("reschedule", "patient", _reschedule_body), 200, _local,
        ("APPOINTMENT_RESCHEDULED", "SLOT_RELEASED", "WAITLIST_OFFERED"),
    ),
    Step(
        "Patient is here", _move("check-in"), 200, lambda _, r: f"number {r.body['token_number']} in the queue",
        ("APPOINTMENT_CHECKED_IN",),
    ),
    Step("Doctor calls the patient in", _move("start", "doctor"), 200, lambda *_: "in consultation"),
    Step("Consultation ends", _move("complete", "doctor"), 200, lambda *_: "completed", ("APPOINTMENT_COMPLETED",)),
    Step(
        "Patient asks who saw their record",
        lambda day: day.gateway.call("GET", "/audit/my-access", token=day.patient),
        200,
        lambda _, r: f"{len(r.body['items'])} entries",
    ),
    Step("Compliance logs in", _log_in("compliance", "compliance"), 200, lambda *_: "read only"),
    Step(
        "Compliance verifies the record",
        lambda day: day.gateway.call("GET", "/audit/verify", token=day.compliance),
        200,
        lambda _, r: f"{r.body['entries']} entries, chain {'intact' if r.body['ok'] else 'BROKEN'}",
    ),
)  # fmt: skip
