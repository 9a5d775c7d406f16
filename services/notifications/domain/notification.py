"""The life of one message to one person, over as many channels as it takes.

QUEUED -> SENDING -> SENT -> DELIVERED -> READ is the good way. Before it goes, DEFERRED waits for the end of quiet
hours and SUPPRESSED ends what must not go out. A channel that cannot deliver hands over to the next of the plan, and
the last one to FAILED. UNKNOWN may have gone out: it is asked about, never sent again by itself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from libs.common.aggregate import Aggregate
from libs.common.ids import new_id
from services.notifications.domain.errors import NotRepeatable
from services.notifications.domain.history import Attempt, Status, Step
from services.notifications.domain.outcome import Answer, Outcome, Receipt, Result
from services.notifications.domain.purposes import RULES, Category, Channel, Purpose, lane_of

PLATFORM = ""
"""In the place of a clinic, for messages that belong to none: login codes of patients."""

LEASE = timedelta(seconds=60)
"""Longer than the slowest send; who holds one for longer has died."""
MAX_TRIES = 3
"""On each channel."""
EXPIRED = "expired"
"""Why a message failed whose time is over; see `expires_at`."""

ASKABLE = frozenset({Channel.SMS})
"""Vendors that can be asked about a message by our own reference."""
DOUBT_LASTS: Mapping[Channel, timedelta] = MappingProxyType(
    {Channel.SMS: timedelta(seconds=1), Channel.WHATSAPP: timedelta(minutes=2), Channel.EMAIL: timedelta(0)}
)
"""How long a doubt is left alone: an SMS gateway is asked soon, WhatsApp may yet report, mail never does."""
ASKED_AGAIN_AFTER = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1))

_WAITING = (Status.QUEUED, Status.DEFERRED)
_OPEN = (Status.SENDING, Status.UNKNOWN)
_REACHED = {Status.SENT: 1, Status.DELIVERED: 2, Status.READ: 3}


class Notification(Aggregate):
    """`params` are the ids and times a text is made from; names, numbers and codes are asked for at send time.

    about       what it tells of (an appointment, a challenge), in the version `about_seq`
    due_at      when the sender must look at it next; None: never again
    expires_at  from then on it is no news: it never goes out later, neither deferred nor repeated
    lane        the queue it waits in, while it is due at all
    correlation_id, traceparent: the request it all began with, for logs, events and traces
    position    of the current channel in the plan; `tries` and `inquiries` count on that channel
    held_up     how often in a row something of ours was away when it was to be written
    round       grows when somebody has it sent again
    plan        the channels that are left to try
    passed_over the channels whose vendors were away, with the tries made on each; `away_until`: when to come back
    """

    patient_id: str | None = None
    purpose: Purpose
    category: Category
    plan: list[Channel]
    about: str
    about_seq: int = 0
    params: dict[str, str] = {}
    status: Status = Status.QUEUED
    due_at: datetime | None = None
    lane: str | None = None
    expires_at: datetime
    position: int = 0
    tries: int = 0
    inquiries: int = 0
    held_up: int = 0
    round: int = 1
    passed_over: dict[str, int] = {}
    away_until: datetime | None = None
    language: str | None = None
    template: str | None = None
    recipient_hint: str | None = None
    error_code: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    attempts: list[Attempt] = []
    history: list[Step] = []

    @classmethod
    def queue(
        cls,
        purpose: Purpose,
        *,
        clinic_id: str,
        about: str,
        now: datetime,
        expires_at: datetime,
        about_seq: int = 0,
        patient_id: str | None = None,
        language: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> "Notification":
        rules = RULES[purpose]
        notification = cls(
            id=new_id("ntf"),
            clinic_id=clinic_id,
            patient_id=patient_id,
            purpose=purpose,
            category=rules.category,
            plan=list(rules.plan),
            about=about,
            about_seq=about_seq,
            params=dict(params or {}),
            expires_at=expires_at,
            language=language,
        )
        notification._move(Status.QUEUED, now, due_at=now)
        return notification

    @property
    def subject_id(self) -> str | None:
        return self.patient_id

    @property
    def channel(self) -> Channel:
        return self.plan[self.position]

    @property
    def ref(self) -> str:
        """What the vendor knows it by: a repeated attempt is the same message, a new round is another."""
        return self.id if self.round == 1 else f"{self.id}.{self.round}"

    @property
    def is_waiting(self) -> bool:
        """Not handed to anybody yet."""
        return self.status in _WAITING

    def is_due(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at <= now

    def begin(self, now: datetime) -> None:
        """Somebody sends it now, and says within the lease what came of it."""
        self.tries += 1
        self.attempts = [*self.attempts, Attempt(channel=self.channel, at=now)]
        self._move(Status.SENDING, now, due_at=now + LEASE)

    def defer(self, until: datetime, now: datetime) -> None:
        """Wait for a better hour, unless it comes too late: then people can still do something about it now."""
        if until >= self.expires_at:
            self.fail(EXPIRED, now)
            return
        self._move(Status.DEFERRED, now, due_at=until, detail="quiet_hours")

    def suppress(self, reason: str, now: datetime) -> None:
        self._move(Status.SUPPRESSED, now, detail=reason)

    def fail(self, code: str, now: datetime) -> None:
        """Nothing is left to try."""
        self.error_code = code
        self._move(Status.FAILED, now, detail=code)

    def next_channel(self, code: str, now: datetime) -> None:
        """This channel cannot deliver: the next of the plan may."""
        due_at = now
        if self._has_another_channel:
            self.position += 1
        elif self.passed_over:
            self.plan = [channel for channel in self.plan if channel in self.passed_over]
            self.position, due_at = 0, max(now, self.away_until or now)
        else:
            self.fail(code, now)
            return
        self.tries, self.inquiries = self.passed_over.pop(self.channel, 0), 0
        self._move(Status.QUEUED, now, due_at=due_at, detail=code)

    def lapse(self, now: datetime) -> None:
        """Whoever was sending it has died, before or after the vendor took it."""
        self._doubt("sender_lost", now)

    def conclude(self, attempt: int, outcome: Outcome, now: datetime, *, wait: timedelta) -> None:
        """What came of attempt number `attempt`; `wait` is the time until another try, if there is one.

        A receipt may have told more in the meantime; what is known already is not taken back.
        """
        made = self.attempts[attempt - 1]
        made.provider_message_id = made.provider_message_id or outcome.message_id
        made.error_code = outcome.code
        if attempt != len(self.attempts) or self.status not in _OPEN:
            return
        code = outcome.code or str(outcome.result)
        self.held_up = self.held_up + 1 if outcome.result is Result.NOT_READY else 0
        match outcome.result:
            case Result.ACCEPTED:
                self._move(Status.SENT, now)
            case Result.REFUSED:
                self.next_channel(code, now)
            case Result.HOPELESS:
                self.fail(code, now)
            case Result.FAILED if self.tries >= MAX_TRIES or now + wait >= self.expires_at:
                self.next_channel(code, now)
            case Result.FAILED:
                self._move(Status.QUEUED, now, due_at=now + wait, detail=code)
            case Result.VENDOR_DOWN:
                self._take_back(code)
                self.passed_over[self.channel] = self.tries
                self.away_until = now + wait
                self.next_channel(code, now)
            case Result.NOT_READY:
                self._take_back(code)
                self._move(Status.QUEUED, now, due_at=now + wait, detail=code)
            case Result.UNANSWERED:
                self._doubt(code, now)

    def ask_again(self, now: datetime) -> bool:
        """In doubt: whether the vendor is asked now. When there is nothing more to ask, it is left to people."""
        if self.channel in ASKABLE and self.inquiries < len(ASKED_AGAIN_AFTER):
            self.due_at = now + ASKED_AGAIN_AFTER[self.inquiries]
            self.inquiries += 1
            return True
        self._move(Status.UNKNOWN, now, detail="left_to_people")
        return False

    def answered(self, answer: Answer, now: datetime) -> None:
        """What the vendor says about the message in doubt; one it never took is sent as if nothing had been."""
        if self.status is not Status.UNKNOWN:
            return
        if answer.receipt is not None:
            self.reported(answer.receipt, self.channel, now, message_id=answer.message_id, code=answer.code)
        elif self.tries >= MAX_TRIES:
            self.next_channel("not_taken", now)
        else:
            self._move(Status.QUEUED, now, due_at=now, detail="not_taken")

    def reported(
        self,
        receipt: Receipt,
        channel: Channel,
        now: datetime,
        *,
        message_id: str | None = None,
        code: str | None = None,
    ) -> None:
        """A vendor reports. Reports come in any order and more than once: only what is news moves anything."""
        attempt = self._attempt_behind(channel, message_id)
        if attempt is None:
            return
        attempt.provider_message_id = message_id or attempt.provider_message_id
        current = channel is self.channel and attempt is self.attempts[-1]
        if receipt is Receipt.FAILED:
            if current and self.status in (*_OPEN, Status.SENT):
                self.next_channel(code or "not_delivered", now)
        elif receipt is not Receipt.SENT or (current and self.status in _OPEN):
            status = Status[receipt.name]
            if _REACHED[status] > _REACHED.get(self.status, 0) and self.status is not Status.SUPPRESSED:
                self._move(status, now, channel=channel)

    def send_again(self, now: datetime) -> None:
        """Somebody decided to repeat it, from the first channel on. Raises `NotRepeatable`."""
        if self.status not in (Status.FAILED, Status.UNKNOWN):
            raise NotRepeatable(extra={"current_status": self.status})
        if now >= self.expires_at:
            raise NotRepeatable("What it tells is no news any more.", extra={"current_status": self.status})
        self.round += 1
        self.plan, self.passed_over = list(RULES[self.purpose].plan), {}
        self.position = self.tries = self.inquiries = 0
        self.error_code = None
        self._move(Status.QUEUED, now, due_at=now, detail="sent_again")

    @property
    def _has_another_channel(self) -> bool:
        return self.position + 1 < len(self.plan)

    def _take_back(self, code: str) -> None:
        """As if it had not begun: an outage of hours must not grow the document with every look at it."""
        self.tries -= 1
        self.attempts = self.attempts[:-1]
        self.history = self.history[:-1]
        waited_for_the_same = self.history[-1].status is Status.QUEUED and self.history[-1].detail == code
        if waited_for_the_same:
            self.history = self.history[:-1]

    def _attempt_behind(self, channel: Channel, message_id: str | None) -> Attempt | None:
        """The attempt a report is about: the one with that id, else the latest on that channel."""
        on_channel = [attempt for attempt in self.attempts if attempt.channel is channel]
        named = [attempt for attempt in on_channel if attempt.provider_message_id == message_id]
        unnamed = [attempt for attempt in on_channel if attempt.provider_message_id is None]
        return next(reversed(named or unnamed), None)

    def _doubt(self, code: str, now: datetime) -> None:
        self._move(Status.UNKNOWN, now, due_at=now + DOUBT_LASTS[self.channel], detail=code)

    def _move(
        self,
        status: Status,
        now: datetime,
        *,
        due_at: datetime | None = None,
        detail: str | None = None,
        channel: Channel | None = None,
    ) -> None:
        self.status = status
        self.due_at = due_at
        self.lane = None if due_at is None else lane_of(self.channel, self.category)
        self.history = [*self.history, Step(at=now, status=status, channel=channel or self.channel, detail=detail)]
