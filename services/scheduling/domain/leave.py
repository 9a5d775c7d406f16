"""Time in which nobody is seen: a doctor's leave, or the whole clinic's closure."""

from datetime import datetime

from libs.common.aggregate import Aggregate


class Leave(Aggregate):
    """[start, end) in UTC. `doctor_id` None closes the clinic: a holiday."""

    doctor_id: str | None = None
    start: datetime
    end: datetime
    reason: str | None = None
    active: bool = True

    def covers(self, start: datetime, end: datetime) -> bool:
        return self.active and self.start < end and start < self.end

    def lift(self) -> None:
        """The leave is called off; its slots are open again."""
        self.active = False
