"""The notifications worker: `python -m services.notifications.worker`."""

from libs.common.messaging.consumer import Deliver, Handler
from libs.common.messaging.events import Envelope, Event
from libs.common.service_worker import deliver_to, work
from libs.contracts.catalog import inboxes
from services.notifications.bootstrap import NotificationsRuntime, notifications
from services.notifications.consumers.subscriptions import SUBSCRIPTIONS
from services.notifications.jobs.schedule import parts, schedule


def and_send(runtime: NotificationsRuntime) -> Deliver:
    """Deliver as usual, and have what that queued sent at once."""
    usual = deliver_to(runtime)

    async def deliver(handler: Handler, payload: Event | Envelope, envelope: Envelope) -> None:
        await usual(handler, payload, envelope)
        runtime.sends.wake()

    return deliver


if __name__ == "__main__":
    work(
        notifications,
        subscribers=inboxes(),
        table=SUBSCRIPTIONS,
        schedule=schedule,
        delivery=and_send,
        more_parts=parts,
    )
