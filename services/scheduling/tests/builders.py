"""A clinic to test scheduling in: people, doctors, hours, and the short way to book."""

from dataclasses import dataclass, field, replace
from typing import Any

from libs.common.ids import new_id
from libs.common.testing.service_under_test import Answer, KnownSubjects, ServiceUnderTest
from libs.contracts.roles import ADMIN, DOCTOR, FRONT_DESK

TODAY = "2026-11-25"


@dataclass
class Clinic:
    """One clinic with one doctor who sees patients daily from 10:00 to 18:00, 15 minutes each."""

    service: ServiceUnderTest
    patients: KnownSubjects
    doctors: KnownSubjects
    id: str = field(default_factory=lambda: new_id("cln"))
    doctor_id: str = field(default_factory=lambda: new_id("usr"))
    people: dict[str, str] = field(default_factory=dict)

    async def open(self, **template: Any) -> "Clinic":
        self.doctors.add(self.doctor_id, self.id)
        await self.add_template(**template)
        return self

    async def colleague(self, **template: Any) -> "Clinic":
        """The same clinic, seen from another doctor's side."""
        return await replace(self, doctor_id=new_id("usr")).open(**template)

    async def add_template(self, **changes: Any) -> Answer:
        body = {
            "doctor_id": self.doctor_id,
            "rrule": "FREQ=DAILY",
            "valid_from": TODAY,
            "sessions": [{"start": "10:00", "end": "18:00"}],
            "slot_minutes": 15,
            **changes,
        }
        return await self.service.call("POST", "/slot-templates", token=self.staff(ADMIN), json=body)

    def staff(self, role: str = FRONT_DESK) -> str:
        """The token of somebody in this role; the doctor is the clinic's doctor."""
        return self.service.mint.staff(role, self.id, user_id=self.doctor_id if role == DOCTOR else None)

    def patient(self, name: str) -> str:
        """The id of a patient of that name, who has an account of the same name."""
        if name not in self.people:
            self.people[name] = new_id("pat")
            self.patients.add(self.people[name], self.id, f"acc_{name}")
        return self.people[name]

    def account(self, name: str) -> str:
        self.patient(name)
        return self.service.mint.account(f"acc_{name}")

    async def slots(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.service.call(
            "GET", "/slots", token=self.staff(), params={"doctor_id": self.doctor_id, **query}
        )
        assert answer.status == 200, answer.body
        return list(answer.body["items"])

    async def free_slot(self, number: int = 0) -> str:
        return str((await self.slots(status="FREE"))[number]["slot_id"])

    async def try_to_book(
        self, slot_id: str, patient: str = "asha", *, token: str | None = None, key: str = "new", **more: Any
    ) -> Answer:
        body = {"slot_id": slot_id, "patient_id": self.patient(patient), **more}
        return await self.service.call("POST", "/appointments/request", token=token or self.staff(), json=body, key=key)

    async def overbook(self, slot_id: str, patient: str) -> Answer:
        body = {"slot_id": slot_id, "patient_id": self.patient(patient), "reason": "severe pain"}
        return await self.service.call("POST", "/appointments/overbook", token=self.staff(), json=body, key="new")

    async def take_leave(self, role: str = ADMIN, **leave: Any) -> Answer:
        return await self.service.call("POST", "/leaves", token=self.staff(role), json=leave)

    async def book(self, slot_id: str | None = None, patient: str = "asha", **more: Any) -> dict[str, Any]:
        answer = await self.try_to_book(slot_id or await self.free_slot(), patient, **more)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    async def move(self, appointment_id: str, move: str, *, token: str | None = None, **body: Any) -> Answer:
        path = f"/appointments/{appointment_id}/{move}"
        return await self.service.call("POST", path, token=token or self.staff(), json=body or None)
