"""Moves messages from a service's dead queue back into its inbox, after the reason is gone.

    python -m libs.common.messaging.replay billing --dry-run
    python -m libs.common.messaging.replay billing --id evt_01j... --limit 10

A message that was handled meanwhile does nothing when it comes again, so replaying too much is safe.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from libs.common.messaging.broker import RPC_TIMEOUT
from libs.common.messaging.topology import REASON_HEADER, Inbox, attempts_of, copy_of, origin
from libs.common.settings import ServiceSettings

Show = Callable[[str], object]


async def replay(
    amqp_url: str,
    service: str,
    *,
    limit: int | None = None,
    message_id: str | None = None,
    dry_run: bool = False,
    show: Show = lambda _: None,
) -> int:
    """Move at most `limit` messages, or the one with `message_id`, with their attempts forgotten; how many.

    Each leaves the dead queue only when the inbox has confirmed it. With `dry_run` nothing moves, all are shown.
    Raises BROKER_ERRORS; what was not moved stays where it was.
    """
    inbox = Inbox(service)
    moved = 0
    connection = await aio_pika.connect(amqp_url, timeout=RPC_TIMEOUT)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        dead = await channel.declare_queue(inbox.dead, passive=True)
        for _ in range(dead.declaration_result.message_count or 0):
            if moved == limit:
                break
            message = await dead.get(fail=False)
            if message is None:
                break
            if message_id is not None and message.message_id != message_id:
                continue  # it stays unacknowledged, and goes back when the connection closes
            show(_line(message))
            if not dry_run:
                await channel.default_exchange.publish(copy_of(message), routing_key=inbox.queue, timeout=RPC_TIMEOUT)
                await message.ack()
            moved += 1
    return moved


def _line(message: AbstractIncomingMessage) -> str:
    _, key = origin(message)
    reason = str(message.headers.get(REASON_HEADER) or message.headers.get("x-first-death-reason"))
    return f"{message.message_id}  {key}  after {attempts_of(message)} attempts  {reason}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="replay", description="Put dead messages back into a service's inbox.")
    parser.add_argument("service", help="whose dead queue, for example billing")
    parser.add_argument("--limit", type=int, help="at most this many")
    parser.add_argument("--id", dest="message_id", help="only this message (evt_...)")
    parser.add_argument("--dry-run", action="store_true", help="show them, move none")
    options = parser.parse_args()
    amqp_url = str(ServiceSettings(service_name=options.service).amqp_url)
    moved = asyncio.run(
        replay(
            amqp_url,
            options.service,
            limit=options.limit,
            message_id=options.message_id,
            dry_run=options.dry_run,
            show=lambda line: sys.stdout.write(f"{line}\n"),
        )
    )
    sys.stdout.write(f"{moved} {'would be' if options.dry_run else 'were'} moved to {options.service}.inbox\n")


if __name__ == "__main__":
    main()
