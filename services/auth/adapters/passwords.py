"""Passwords as argon2id hashes, worked out off the event loop, a few at a time."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.auth.domain.errors import TooManyLogins

R = TypeVar("R")

_MOST_WAITING = 64
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's minimum, about 30 ms


class Passwords:
    """`threads` hashes at once, 19 MiB each; behind them a short queue, then `TooManyLogins`."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys = _HASHER.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        return await self._off_the_loop(lambda: _HASHER.hash(password))

    async def matches(self, stored_hash: str | None, password: str) -> bool:
        """Takes as long when there is no hash to compare with: the time tells nothing about who exists."""
        right = await self._off_the_loop(lambda: _verify(stored_hash or self._nobodys, password))
        return right and stored_hash is not None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _off_the_loop(self, work: Callable[[], R]) -> R:
        if self._waiting >= _MOST_WAITING:
            raise TooManyLogins
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _verify(stored_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored_hash, password)
    except (VerificationError, InvalidHashError):
        return False
