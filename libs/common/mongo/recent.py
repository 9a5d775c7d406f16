"""What was read moments ago: for the few rows that nearly every request reads and hardly anybody changes."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, TypeVar

from cachetools import TTLCache

V = TypeVar("V")

_QUESTIONS = 4_096


class RecentReads:
    """Answers of one process, by collection, for `seconds`. A commit of this process makes it forget the collections
    it wrote to, so that everybody sees their own change; that of another process shows when the time is over."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._by_collection: dict[str, TTLCache[Hashable, asyncio.Future[Any]]] = {}

    async def get(self, collection: str, question: Hashable, read: Callable[[], Awaitable[V]]) -> V:
        """The answer of moments ago, or a fresh one, which all who ask meanwhile wait for. It is shared: do not
        change it."""
        answers = self._by_collection.setdefault(collection, TTLCache(_QUESTIONS, self._seconds))
        answer: asyncio.Future[V] | None = answers.get(question)
        if answer is None or _failed(answer):
            answer = answers[question] = asyncio.ensure_future(read())
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def forget(self, collections: Iterable[str]) -> None:
        """What was read from these may be old by now, even what is being read at this moment."""
        for name in collections:
            self._by_collection.pop(name, None)


def _failed(answer: asyncio.Future[Any]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)
