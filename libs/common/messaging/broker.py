"""A connection to RabbitMQ that is opened by whoever needs it next, and never restores anything behind their back."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

BROKER_ERRORS: tuple[type[Exception], ...] = CONNECTION_EXCEPTIONS
"""What any call to the broker may raise when it is away, slow (`TimeoutError`), or refuses."""

RPC_TIMEOUT = 10.0
_HEARTBEAT_SECONDS = 20
_DECLARED_EVERY = 20.0


@contextlib.contextmanager
def broker_calls() -> Iterator[None]:
    """Around calls to the broker: when a connection breaks under them, aiormq ends some with a bare `Exception` or
    with a cancellation that nobody asked for; both become the ConnectionError that they are."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("a call to the broker was abandoned") from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise ConnectionError("a call to the broker was abandoned") from error


class Link:
    """One connection with one channel (publisher confirms on, returned messages raise).

    aio-pika's own robust connection waits without end while the broker is away and re-opens channels in the
    background; a consumer can be gone without anybody noticing, and there is no moment to say "declare first,
    then publish". Relay and consumer have loops that try again anyway, so here a broken connection is an error
    at once, and a new one starts with `declare`: exchanges, queues and bindings, which are declared again every
    20 s so that a binding somebody removed comes back by itself.
    """

    def __init__(self, url: str, name: str, declare: Callable[[AbstractChannel], Awaitable[None]]) -> None:
        self._url = url
        self._name = name
        self._declare = declare
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._declared_at = 0.0

    @property
    def connected(self) -> bool:
        return self._channel is not None and not self._channel.is_closed

    async def channel(self) -> AbstractChannel:
        """The open channel, everything on it declared. Not for concurrent use. Raises BROKER_ERRORS."""
        with broker_calls():
            if self._channel is None or self._channel.is_closed:
                await self.drop()
                self._channel = await self._open()
                self._declared_at = 0.0
            now = asyncio.get_running_loop().time()
            if not self._declared_at or now - self._declared_at > _DECLARED_EVERY:
                async with asyncio.timeout(RPC_TIMEOUT):
                    await self._declare(self._channel)
                self._declared_at = now
            return self._channel

    async def _open(self) -> AbstractChannel:
        self._connection = await aio_pika.connect(
            self._url,
            timeout=RPC_TIMEOUT,
            heartbeat=_HEARTBEAT_SECONDS,
            client_properties={"connection_name": self._name},
        )
        async with asyncio.timeout(RPC_TIMEOUT):
            return await self._connection.channel(publisher_confirms=True, on_return_raises=True)

    async def drop(self) -> None:
        """Close what is open; what was not acknowledged goes back to its queue. The next `channel()` starts anew."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*BROKER_ERRORS), broker_calls():
                async with asyncio.timeout(RPC_TIMEOUT):
                    await connection.close()
