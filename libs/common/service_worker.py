"""The worker process of a service: its relay, its inbox and its jobs, wired to its runtime."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from libs.common.audit import AUDIT_EXCHANGE
from libs.common.jobs import Job, JobRunner
from libs.common.messaging.consumer import Consumer, Deliver, Handler, Subscription, subscriptions
from libs.common.messaging.events import Envelope, Event
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from libs.common.messaging.relay import OutboxRelay
from libs.common.messaging.topology import Inbox
from libs.common.mongo.once import Once, forget_old_keys
from libs.common.runtime import Runtime
from libs.common.security.caller import system_caller
from libs.common.telemetry.tracing import stop_tracing
from libs.common.worker import Part, run_worker

WORKER_PORT = "WORKER_PORT"


def work(
    make_runtime: Callable[[], Runtime[Any]],
    *,
    subscribers: Sequence[Inbox],
    table: Mapping[type[Event], Handler] | None = None,
    also: Sequence[Subscription] = (),
    schedule: Callable[[Any], Sequence[Job]] | None = None,
    delivery: Callable[[Any], Deliver] | None = None,
    more_parts: Callable[[Any], Mapping[str, Part]] | None = None,
) -> None:
    """Run the worker until it is told to stop. Called by `python -m services.<name>.worker`.

    `subscribers` are the inboxes of all services, `table` maps events to handlers, `also` adds what is no domain
    event, `schedule` gives the jobs of a runtime, `delivery` its way to deliver a message, where the usual one
    (`deliver_to`) will not do, and `more_parts` what else runs in this process.
    """
    subscribed = [*subscriptions(table or {}), *also]
    asyncio.run(_work(make_runtime, subscribers, subscribed, schedule, delivery or deliver_to, more_parts))


async def _work(
    make_runtime: Callable[[], Runtime[Any]],
    subscribers: Sequence[Inbox],
    subscribed: Sequence[Subscription],
    schedule: Callable[[Any], Sequence[Job]] | None,
    delivery: Callable[[Any], Deliver],
    more_parts: Callable[[Any], Mapping[str, Part]] | None,
) -> None:
    runtime = make_runtime()
    settings = runtime.settings
    await runtime.start()
    amqp_url = str(settings.amqp_url)
    parts: dict[str, Part] = {
        "relay": OutboxRelay(
            runtime.db,
            runtime.carriers,
            amqp_url,
            runtime.waker,
            exchanges=(EVENTS_EXCHANGE, AUDIT_EXCHANGE),
            subscribers=subscribers,
        )
    }
    if subscribed:
        parts["consumer"] = Consumer(settings.service_name, subscribed, delivery(runtime), amqp_url)
    jobs = [*(schedule(runtime) if schedule else ()), _forget_idempotency_keys(runtime)]
    parts["jobs"] = JobRunner(runtime.db, jobs, clock=runtime.clock)
    if more_parts is not None:
        parts |= more_parts(runtime)
    try:
        await run_worker(
            parts,
            port=int(os.environ.get(WORKER_PORT, "9000")),
            readiness=runtime.readiness,
            grace_seconds=settings.shutdown_grace_seconds,
        )
    finally:
        await runtime.stop()
        await stop_tracing()


def _forget_idempotency_keys(runtime: Runtime[Any]) -> Job:
    """The kernel's own job, in every service."""

    async def run(due: datetime) -> None:
        await forget_old_keys(runtime.db, runtime.once_in, due)

    return Job("forget_idempotency_keys", run, cron="17 * * * *")


def deliver_to(runtime: Runtime[Any]) -> Deliver:
    """How a message becomes a transaction: once, in the message's clinic, as this service."""

    async def deliver(handler: Handler, payload: Event | Envelope, envelope: Envelope) -> None:
        caller = system_caller(runtime.settings.service_name, envelope.clinic_id)
        await runtime.transact(handler, payload, by=caller, once=Once.message(envelope.id), cause=envelope)

    return deliver
