"""A clinic's desk to test notifications at: patients to write to, events that cause messages, and what arrived."""

from datetime import datetime, timedelta
from typing import Any

from libs.common.ids import new_id
from libs.common.messaging.events import AggregateRef, Envelope, Event, EventActor
from libs.common.testing.service_under_test import Answer
from libs.common.testing.waiting import eventually
from libs.contracts.auth import OtpRequested
from libs.contracts.auth_api import account_id
from libs.contracts.roles import FRONT_DESK
from libs.contracts.scheduling import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentRescheduled,
    WaitlistOffered,
)
from services.notifications.consumers.subscriptions import SUBSCRIPTIONS
from services.notifications.tests.platform import Platform
from services.notifications.use_cases.ports import ClinicCard, Code, Recipient


class Desk:
    """One clinic and one doctor on that platform."""

    def __init__(self, platform: Platform) -> None:
        self.service = platform.service
        self.runtime = platform.runtime
        self.world = platform.world
        self.sandbox = platform.sandbox
        self.people = platform.runtime.known
        self.subjects = platform.runtime.known_subjects
        self.sender = platform.runtime.sender()
        self.clinic_id = new_id("cln")
        self.doctor_id = new_id("usr")
        self.people.clinics[self.clinic_id] = ClinicCard(name="Asha Clinic", zone="Asia/Kolkata")
        self.people.staff[self.doctor_id] = "Dr. Meera Rao"

    @property
    def now(self) -> datetime:
        return self.service.clock.now()

    def staff(self, role: str = FRONT_DESK) -> str:
        return self.service.mint.staff(role, self.clinic_id)

    def patient(self, phone: str = "+919876543210", **known: Any) -> str:
        """The id of a new patient with this phone, which also is their account."""
        patient_id = new_id("pat")
        self.people.patients[patient_id] = Recipient(phone=phone, **{"name": "Ravi Kumar", **known})
        self.subjects.add(patient_id, self.clinic_id, account_id(phone, self.runtime.account_key))
        return patient_id

    def account(self, phone: str = "+919876543210") -> str:
        return self.service.mint.account(account_id(phone, self.runtime.account_key))

    def envelope(self, event: Event, *, seq: int = 1, clinic_id: str | None = "own") -> Envelope:
        return Envelope(
            id=new_id("evt"),
            type=event.type,
            version=event.version,
            occurred_at=self.now,
            clinic_id=self.clinic_id if clinic_id == "own" else clinic_id,
            actor=EventActor(id="svc:test", role="system"),
            aggregate=AggregateRef(type=event.aggregate_type, id=event.aggregate_id, seq=seq),
            correlation_id=new_id("req"),
            data=event.model_dump(mode="json"),
        )

    async def happens(self, event: Event, *, seq: int = 1, clinic_id: str | None = "own") -> None:
        """The service hears of it, and what it queues is not sent yet."""
        await self.service.deliver(SUBSCRIPTIONS, self.envelope(event, seq=seq, clinic_id=clinic_id))

    async def code_is_requested(self, phone: str = "+919876543210", code: str = "482913", language: str = "en") -> str:
        challenge_id = new_id("otp")
        expires_at = self.now + timedelta(minutes=5)
        self.people.codes[challenge_id] = Code(phone=phone, code=code, language=language, expires_at=expires_at)
        await self.happens(OtpRequested(challenge_id=challenge_id, language=language), clinic_id=None)
        return challenge_id

    async def books(self, patient_id: str, appointment_id: str | None = None, *, seq: int = 1) -> str:
        """An appointment tomorrow, at a quarter past ten in India, is confirmed."""
        appointment_id = appointment_id or new_id("apt")
        details = self._appointment(appointment_id, patient_id)
        await self.happens(AppointmentConfirmed(**details, mode="IN_PERSON"), seq=seq)
        return appointment_id

    async def moves(self, patient_id: str, appointment_id: str, *, seq: int = 2) -> None:
        details = self._appointment(appointment_id, patient_id, hours=2)
        before = self._appointment(appointment_id, patient_id)
        event = AppointmentRescheduled(**details, previous_start=before["start"], previous_end=before["end"])
        await self.happens(event, seq=seq)

    async def cancels(self, patient_id: str, appointment_id: str, *, seq: int = 2) -> None:
        event = AppointmentCancelled(**self._appointment(appointment_id, patient_id), cancelled_by="usr_x")
        await self.happens(event, seq=seq)

    def offer(self, patient_id: str) -> WaitlistOffered:
        """A slot tomorrow, theirs if they accept it within a quarter of an hour."""
        start = self.now + timedelta(days=1)
        return WaitlistOffered(
            waitlist_entry_id=new_id("wle"),
            patient_id=patient_id,
            doctor_id=self.doctor_id,
            offer_id=new_id("off"),
            start=start,
            end=start + timedelta(minutes=15),
            expires_at=self.now + timedelta(minutes=15),
        )

    async def offers(self, patient_id: str) -> None:
        await self.happens(self.offer(patient_id))

    async def fails(self, provider: str, mode: str, **more: Any) -> None:
        """Break a vendor; mode `none` repairs it."""
        answer = await self.sandbox.post("/faults", json={"provider": provider, "mode": mode, **more})
        assert answer.is_success, answer.text

    def loses_reports(self) -> None:
        """From now on the vendors' webhooks do not come."""
        self.world.webhooks.send = lambda *_: None  # type: ignore[method-assign]

    async def arrived(self, to: str = "+919876543210", channel: str | None = None) -> list[dict[str, Any]]:
        """What is on that phone or in that mailbox, newest first."""
        params = {"to": to} | ({"channel": channel} if channel else {})
        return list((await self.sandbox.get("/messages", params=params)).json()["items"])

    async def told(self, patient_id: str, token: str | None = None) -> list[dict[str, Any]]:
        """The patient's notifications, newest first, as the front desk sees them."""
        answer = await self.call("GET", "/notifications", token=token, params={"patient_id": patient_id})
        assert answer.status == 200, answer.body
        return list(answer.body["items"])

    async def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Answer:
        return await self.service.call(method, path, token=token or self.staff(), **more)

    async def stored(self) -> list[dict[str, Any]]:
        """The rows of the outbox, oldest first."""
        return await self.runtime.db["notifications_outbox"].find({}, sort=[("_id", 1)]).to_list()

    async def until_it_stands_at(self, status: str) -> dict[str, Any]:
        """Wait until the one row there is has come so far."""

        async def so_far() -> bool:
            return str((await self.stored())[0]["status"]) == status

        await eventually(so_far)
        return (await self.stored())[0]

    async def after(self, **duration: float) -> None:
        """Let time pass, and send what is due by then."""
        self.service.clock.advance(**duration)
        await self.sender.send_due_now()

    def _appointment(self, appointment_id: str, patient_id: str, hours: float = 0) -> dict[str, Any]:
        start = (self.now + timedelta(days=1)).replace(hour=4, minute=45, second=0, microsecond=0)
        start += timedelta(hours=hours)
        return {
            "appointment_id": appointment_id,
            "patient_id": patient_id,
            "doctor_id": self.doctor_id,
            "start": start,
            "end": start + timedelta(minutes=15),
        }
