"""A slot: a stretch of a doctor's time that can be booked. Slots are computed from templates, never stored.

The id says everything needed to find the slot again: the template and the start in UTC; and whether its seats are
shared, since only a slot with one seat can be locked.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from services.scheduling.domain.errors import SlotUnknown

CELL = timedelta(minutes=5)
"""Time is claimed in cells of this length, so that overlaps of any length meet in at least one."""

LONGEST_SLOT, LONGEST_BUFFER = timedelta(hours=8), timedelta(hours=2)
"""What a template may ask for; so far around a time, others can reach into it."""

_SLOT_ID = re.compile(r"^slot_([0-9a-hjkmnp-tv-z]{26})_(\d{8}T\d{4})(n?)$")
_START = "%Y%m%dT%H%M"


class Mode(StrEnum):
    """How doctor and patient meet."""

    IN_PERSON = "in_person"
    TELE = "tele"


class SlotStatus(StrEnum):
    """What a client shows for a slot."""

    FREE = "FREE"
    HELD = "HELD"
    BOOKED = "BOOKED"


class Slot(BaseModel):
    """`start` inclusive, `end` exclusive, UTC. `blocked_from`/`blocked_until` add the template's buffers."""

    model_config = ConfigDict(frozen=True)

    clinic_id: str
    template_id: str
    doctor_id: str
    start: datetime
    end: datetime
    blocked_from: datetime
    blocked_until: datetime
    capacity: int = 1
    modes: frozenset[Mode] = frozenset({Mode.IN_PERSON})
    room_id: str | None = None

    @property
    def id(self) -> str:
        shared = "n" if self.capacity > 1 else ""
        return f"slot_{self.template_id.removeprefix('tpl_')}_{self.start.astimezone(UTC):{_START}}{shared}"

    def claims(self, seat: int) -> list[str]:
        """What a booking of this slot takes: the doctor's and the room's cells, for one of `capacity` seats."""
        taken = [f"doctor:{self.doctor_id}:{cell}:{seat}" for cell in cells(self.blocked_from, self.blocked_until)]
        if self.room_id is not None:
            taken += [f"room:{self.clinic_id}:{self.room_id}:{cell}:{seat}" for cell in cells(self.start, self.end)]
        return taken

    def patient_claims(self, patient_id: str) -> list[str]:
        """What a booking takes of the patient's own time, whoever sees them and on whichever seat."""
        return [f"{patient_id}:{cell}" for cell in cells(self.start, self.end)]


def seats_are_shared(slot_id: str) -> bool:
    """Whether more than one booking fits, by the id alone."""
    return slot_id.endswith("n")


def parse_slot_id(value: str) -> tuple[str, datetime]:
    """Template id and start; raises `SlotUnknown` for anything we cannot have given out."""
    match = _SLOT_ID.match(value)
    if match is None:
        raise SlotUnknown
    try:
        return f"tpl_{match.group(1)}", datetime.fromisoformat(match.group(2)).replace(tzinfo=UTC)
    except ValueError:
        raise SlotUnknown from None


def cells(start: datetime, end: datetime) -> list[int]:
    """The numbers of the five-minute cells that [start, end) touches, counted from the epoch."""
    first = int(start.timestamp() // CELL.total_seconds())
    last = int(-(-end.timestamp() // CELL.total_seconds()))
    return list(range(first, last))
