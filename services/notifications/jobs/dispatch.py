"""One notification, from claim to record: what is decided is committed before the vendor is called, and what came of
it after, so that a crash in between leaves a message in doubt and never one that is sent twice."""

import asyncio
import random

from opentelemetry.trace import SpanKind
from pymongo.errors import PyMongoError

from libs.common.clock import Clock
from libs.common.errors import Problem, Unavailable
from libs.common.mongo.transact import Transactor
from libs.common.resilience.http_client import UpstreamRejected
from libs.common.resilience.waiting import backoff
from libs.common.security.caller import Caller, system_caller
from libs.common.telemetry.logs import bind_context, get_logger
from libs.common.telemetry.metrics import counter
from libs.common.telemetry.tracing import remote_span
from services.notifications.domain.letter import Letter
from services.notifications.domain.notification import EXPIRED, PLATFORM, Notification
from services.notifications.domain.outcome import Outcome, Result
from services.notifications.use_cases.claim_message import Claim, ClaimMessage, Task, claim_message
from services.notifications.use_cases.ports import Due, NotificationsTx, Providers
from services.notifications.use_cases.record_outcome import RecordAnswer, RecordOutcome, record_answer, record_outcome
from services.notifications.use_cases.write_letter import LetterWriter

WRITING_SECONDS = 20.0
TOO_LATE = Outcome(result=Result.HOPELESS, code=EXPIRED)
_BACKOFF_FACTOR = 4
LONGEST_WAIT = 300.0
"""In seconds: a vendor that names a longer time is asked sooner, so that none can put messages off for days."""
_HELD_UP_FIRST, _HELD_UP_LONGEST = 2.0, 30.0
"""In seconds; a login code lives no more than a few minutes."""
_SENDS = counter("notification_sends", "Attempts to hand a message to a vendor", "channel", "result")
_log = get_logger(__name__)


class Dispatcher:
    """Knows how to claim and how to carry out what was claimed. `retry_after` is in seconds."""

    def __init__(
        self,
        transact: Transactor[NotificationsTx],
        writer: LetterWriter,
        providers: Providers,
        *,
        service: str,
        clock: Clock,
        retry_after: float,
    ) -> None:
        self._transact = transact
        self._writer = writer
        self._providers = providers
        self._service = service
        self._clock = clock
        self._retry_after = retry_after

    async def claim(self, due: Due) -> Claim | None:
        """Take it in hand, if nobody else has."""
        bind_context(request_id=due.correlation_id)
        by = self._acting_in(due.clinic_id)
        return await self._transact(claim_message, ClaimMessage(notification_id=due.id), by=by)

    async def carry_out(self, claim: Claim) -> None:
        """Send or ask, and record what came of it. Never raises; what is not recorded lapses into doubt."""
        notification = claim.notification
        bind_context(request_id=notification.correlation_id, clinic_id=notification.clinic_id)
        try:
            with remote_span(f"{claim.task} {notification.channel}", SpanKind.CONSUMER, notification.traceparent):
                if claim.task is Task.SEND:
                    await self._send(notification)
                else:
                    await self._ask(notification)
        except (Problem, PyMongoError) as trouble:
            _log.error("outcome not recorded", aggregate_id=notification.id, exc_info=trouble)
        except Exception as defect:  # noqa: BLE001 - one odd message must not stop the others
            _log.error("message not sent", aggregate_id=notification.id, exc_info=defect)

    async def _send(self, notification: Notification) -> None:
        letter = await self._written(notification)
        if isinstance(letter, Letter):
            outcome = await self._providers[letter.channel].send(letter)
            about_letter = {
                "template": letter.template_id,
                "language": letter.language,
                "recipient_hint": letter.recipient_hint,
            }
        else:
            outcome, about_letter = letter, {}
        _SENDS.labels(notification.channel, outcome.result).inc()
        command = RecordOutcome(
            notification_id=notification.id,
            attempt=len(notification.attempts),
            outcome=outcome,
            wait_seconds=self._wait(notification, outcome),
            **about_letter,
        )
        await self._transact(record_outcome, command, by=self._acting_in(notification.clinic_id))

    async def _written(self, notification: Notification) -> Letter | Outcome:
        try:
            async with asyncio.timeout(WRITING_SECONDS):
                letter = await self._writer.write(notification)
        except (Unavailable, UpstreamRejected, TimeoutError) as trouble:  # no vendor has been called yet
            code = trouble.code if isinstance(trouble, Problem) else "too_slow"
            return Outcome(result=Result.NOT_READY, code=code)
        return TOO_LATE if self._clock.now() >= notification.expires_at else letter

    async def _ask(self, notification: Notification) -> None:
        answer = await self._providers[notification.channel].ask(notification.ref)
        if answer is not None:
            command = RecordAnswer(notification_id=notification.id, answer=answer)
            await self._transact(record_answer, command, by=self._acting_in(notification.clinic_id))

    def _wait(self, notification: Notification, outcome: Outcome) -> float:
        """Exponential, half of it random, and not before the time the other side named, up to a bound."""
        if outcome.result is Result.NOT_READY:
            return backoff(notification.held_up + 1, first=_HELD_UP_FIRST, longest=_HELD_UP_LONGEST)
        longest: float = self._retry_after * _BACKOFF_FACTOR ** (notification.tries - 1)
        jittered = longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        return max(jittered, min(outcome.retry_after or 0.0, LONGEST_WAIT))

    def _acting_in(self, clinic_id: str) -> Caller:
        return system_caller(self._service, None if clinic_id == PLATFORM else clinic_id)
