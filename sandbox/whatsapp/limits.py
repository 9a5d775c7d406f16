"""WhatsApp's two rate limits: messages a second in all, and messages to one person."""

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.newest import Newest
from sandbox.whatsapp.errors import PAIR_RATE, THROUGHPUT, GraphError

PAIR_SECONDS_PER_MESSAGE = 6.0
PEOPLE_REMEMBERED = 10_000


@dataclass
class Allowance:
    """A bucket of `burst` messages that fills up by `per_second`."""

    burst: float
    per_second: float
    _left: float = field(init=False)
    _at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._left = self.burst

    def take(self, now: datetime) -> bool:
        """Use one message; False when none is left."""
        if self._at is not None:
            self._left = min(self.burst, self._left + (now - self._at).total_seconds() * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class SendLimits:
    """Raises what Meta answers when one of the limits is reached."""

    def __init__(self, messages_per_second: float, pair_burst: int) -> None:
        self._all = Allowance(max(messages_per_second, 1), messages_per_second)
        self._pair_burst = pair_burst
        self._pairs: Newest[str, Allowance] = Newest(PEOPLE_REMEMBERED)

    def take(self, number: str, now: datetime) -> None:
        """Count one message to this number. Raises GraphError 130429 or 131056."""
        if not self._all.take(now):
            raise GraphError(THROUGHPUT)
        if number not in self._pairs:
            self._pairs[number] = Allowance(self._pair_burst, 1 / PAIR_SECONDS_PER_MESSAGE)
        if not self._pairs[number].take(now):
            raise GraphError(PAIR_RATE)
