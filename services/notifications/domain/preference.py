"""What a patient wants to be told, and where they do not want to be told anything."""

from datetime import datetime

from libs.common.aggregate import Aggregate
from services.notifications.domain.purposes import Channel


class Preference(Aggregate):
    """One per patient; its id is the patient's.

    opted_out   channel -> since when
    decided_at  channel -> when the person last said something about it; what they said before that is overtaken
    """

    patient_id: str
    opted_out: dict[Channel, datetime] = {}
    decided_at: dict[Channel, datetime] = {}
    promotional: bool = False

    @property
    def subject_id(self) -> str:
        return self.patient_id

    def opt_out(self, channel: Channel, said_at: datetime) -> bool:
        """No more messages there; returns whether that is news."""
        if self._overtaken(channel, said_at) or channel in self.opted_out:
            return False
        self.opted_out = {**self.opted_out, channel: said_at}
        return True

    def opt_in(self, channel: Channel, said_at: datetime) -> bool:
        """Messages are welcome there again; returns whether that is news."""
        if self._overtaken(channel, said_at) or channel not in self.opted_out:
            return False
        self.opted_out = {known: since for known, since in self.opted_out.items() if known is not channel}
        return True

    def _overtaken(self, channel: Channel, said_at: datetime) -> bool:
        """Whether the person has said something newer; if not, this is the newest, be it news or not."""
        known = self.decided_at.get(channel)
        if known is not None and said_at < known:
            return True
        self.decided_at = {**self.decided_at, channel: said_at}
        return False
