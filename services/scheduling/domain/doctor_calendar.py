"""A doctor's calendar: which slots exist, from templates less leaves and closures."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge

from services.scheduling.domain.errors import SlotClosed, SlotUnknown
from services.scheduling.domain.leave import Leave
from services.scheduling.domain.slot import Slot, parse_slot_id
from services.scheduling.domain.slot_template import SlotTemplate


class DoctorCalendar:
    """Pure computation; give it the doctor's templates and the leaves that touch the window."""

    def __init__(self, templates: Iterable[SlotTemplate], leaves: Iterable[Leave]) -> None:
        self._templates = list(templates)
        self._leaves = list(leaves)

    def slots(self, start: datetime, end: datetime) -> Iterator[Slot]:
        """Bookable slots that start in [start, end), in order of start."""
        streams = [template.slots_between(start, end) for template in self._templates]
        for slot in merge(*streams, key=lambda slot: (slot.start, slot.template_id)):
            if not self._on_leave(slot):
                yield slot

    def slot(self, wanted: str) -> Slot:
        """The slot with this id; raises `SlotUnknown` when there never was one, `SlotClosed` on leave."""
        template_id, start = parse_slot_id(wanted)
        for template in self._templates:
            if template.id == template_id:
                for slot in template.slots_between(start, start + timedelta(minutes=1)):
                    if self._on_leave(slot):
                        raise SlotClosed
                    return slot
        raise SlotUnknown

    def _on_leave(self, slot: Slot) -> bool:
        return any(leave.clinic_id == slot.clinic_id and leave.covers(slot.start, slot.end) for leave in self._leaves)
