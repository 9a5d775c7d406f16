"""A clinic to put load on: doctors with a free slot for every booking, patients, a front desk, and their requests."""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from bench.load import Clients, http
from bench.stage import Stage
from libs.common.ids import new_id
from libs.common.subjects import SUBJECTS, Subject
from libs.contracts.roles import ADMIN, FRONT_DESK
from services.scheduling.domain.slot_template import SlotTemplate
from services.scheduling.persistence.documents import DOCTORS

DOCTOR_COUNT, PATIENT_COUNT, DESK_COUNT = 24, 5_000, 64
ZONE = "Asia/Kolkata"
BOOKABLE_DAYS = 85


class Clinic:
    """Slots are handed out at random over doctors and days, each once, and with a patient who has no other
    appointment at that time; clerks take turns."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.id = new_id("cln")
        self.doctors = [new_id("usr") for _ in range(DOCTOR_COUNT)]
        self.patients = [new_id("pat") for _ in range(PATIENT_COUNT)]
        self.desk = [f"Bearer {stage.token(FRONT_DESK, self.id)}" for _ in range(DESK_COUNT)]
        self._clerks = itertools.cycle(self.desk)
        self._free: list[tuple[str, str]] = []
        self.booked: list[str] = []

    async def open(self) -> "Clinic":
        """Tell scheduling who is who, and open the doctors' hours: every day, in quarters of an hour."""
        async with self._stage.database() as db:
            await db[SUBJECTS].insert_many([_row(patient, self.id) for patient in self.patients])
            await db[DOCTORS].insert_many([_row(doctor, self.id) for doctor in self.doctors])
        clients = Clients(self._stage.gateway.port)
        for position, doctor in enumerate(self.doctors):
            slots = _slots_of(await self._hours_of(doctor, clients))
            mine = itertools.cycle(self.patients[position::DOCTOR_COUNT])
            self._free += zip(slots, mine, strict=False)
        clients.close()
        random.Random(1).shuffle(self._free)
        return self

    async def _hours_of(self, doctor: str, clients: Clients) -> SlotTemplate:
        hours = {
            "doctor_id": doctor,
            "rrule": "FREQ=DAILY",
            "valid_from": datetime.now(UTC).date().isoformat(),
            "sessions": [{"start": "00:00", "end": "23:45"}],
            "slot_minutes": 15,
        }
        token = self._stage.token(ADMIN, self.id)
        answer = await clients.exchange(
            http("POST", "/slot-templates", {"Authorization": f"Bearer {token}"}, orjson.dumps(hours))
        )
        if answer.status != 201:
            raise RuntimeError(f"no hours for a doctor: {answer.body!r}")
        return SlotTemplate.model_validate({**hours, "id": orjson.loads(answer.body)["id"], "clinic_id": self.id})

    def free_slot(self) -> tuple[str, str]:
        """A slot nobody has been given yet, and a patient for it."""
        return self._free.pop()

    def bookings(self) -> Iterator[bytes]:
        """Requests to book, each for another slot, patient and key."""
        while True:
            yield self.booking_of(*self.free_slot())

    def booking_of(self, slot_id: str, patient_id: str) -> bytes:
        """A request to book this slot for this patient."""
        body: dict[str, Any] = {"slot_id": slot_id, "patient_id": patient_id, "reason": "Fever since Monday"}
        headers = {"Authorization": next(self._clerks), "Idempotency-Key": new_id("key")}
        return http("POST", "/appointments/request", headers, orjson.dumps(body))

    def readings(self) -> Iterator[bytes]:
        """Requests to read an appointment, each another one of those known."""
        for appointment in itertools.cycle(self.booked):
            yield http("GET", f"/appointments/{appointment}", {"Authorization": next(self._clerks)})

    def slot_searches(self) -> Iterator[bytes]:
        """Requests for a doctor's slots of one day."""
        today = datetime.now(UTC)
        for number, doctor in enumerate(itertools.cycle(self.doctors)):
            start = today + timedelta(days=1 + number % 7)
            window = f"from={start:%Y-%m-%dT00:00:00Z}&to={start:%Y-%m-%dT12:00:00Z}"
            path = f"/slots?doctor_id={doctor}&{window}"
            yield http("GET", path, {"Authorization": next(self._clerks)})

    async def remember_booked(self, limit: int = 2_000) -> None:
        """Learn which appointments there are, for `readings`."""
        async with self._stage.database() as db:
            found = db["appointments"].find({}, {"_id": 1}).limit(limit)
            self.booked = [row["_id"] async for row in found]

    async def appointments(self) -> int:
        """How many there are."""
        async with self._stage.database() as db:
            return await db["appointments"].count_documents({})

    async def booked_twice(self) -> int:
        """How many stretches of a doctor's time more than one active appointment claims."""
        claims: set[str] = set()
        twice = 0
        async with self._stage.database() as db:
            async for row in db["appointments"].find({"active": True}, {"claims": 1}):
                twice += sum(claim in claims for claim in row["claims"])
                claims.update(row["claims"])
        return twice


def _row(subject_id: str, clinic_id: str) -> dict[str, Any]:
    row = Subject(id=subject_id, clinic_id=clinic_id, seq=1).model_dump()
    return {**row, "_id": row.pop("id")}


def _slots_of(template: SlotTemplate) -> list[str]:
    """All slots from tomorrow to the last day anybody may book."""
    zone = ZoneInfo(ZONE)
    tomorrow = datetime.combine(datetime.now(zone).date() + timedelta(days=1), time(), zone)
    return [slot.id for slot in template.slots_between(tomorrow, tomorrow + timedelta(days=BOOKABLE_DAYS))]
