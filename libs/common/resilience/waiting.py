"""Waiting between tries, for loops that run until they are told to stop."""

import asyncio
import contextlib
import random


def backoff(failures: int, *, first: float = 0.25, longest: float = 5.0) -> float:
    """Seconds to wait before the next try: doubled with each failure, half of it random."""
    full = min(longest, first * 2 ** min(failures - 1, 16))
    return float(full * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


async def pause(seconds: float, unless: asyncio.Event) -> None:
    """Sleep, but return at once when `unless` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await unless.wait()
