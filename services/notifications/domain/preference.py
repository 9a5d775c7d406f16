"""What a patient wants to be told, and where they do not want to be told anything."""

from datetime import datetime

from libs.common.aggregate import Aggregate
from services.notifications.domain.purposes import Channel


class Preference(Aggregate):
    """One per patient; its id is the patient's. `opted_out`: channel -> since when."""

    patient_id: str
    opted_out: dict[Channel, datetime] = {}
    promotional: bool = False

    @property
    def subject_id(self) -> str:
        return self.patient_id

    def opt_out(self, channel: Channel, now: datetime) -> bool:
        """No more messages there; returns whether that is news."""
        if channel in self.opted_out:
            return False
        self.opted_out = {**self.opted_out, channel: now}
        return True

    def opt_in(self, channel: Channel) -> bool:
        """Messages are welcome there again; returns whether that is news."""
        if channel not in self.opted_out:
            return False
        self.opted_out = {known: since for known, since in self.opted_out.items() if known is not channel}
        return True
