"""What is remembered for a second, and when it is not."""

import asyncio

import pytest

from libs.common.mongo.recent import RecentReads


class Shelf:
    """Something to read from, that counts how often it was."""

    def __init__(self, value: str = "first") -> None:
        self.value = value
        self.reads = 0
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> str:
        self.reads += 1
        self.asked.set()
        value = self.value
        await self.open.wait()
        return value


async def test_the_same_question_is_read_once() -> None:
    recent, shelf = RecentReads(), Shelf()
    assert await recent.get("books", "q", shelf.read) == "first"
    shelf.value = "second"
    assert await recent.get("books", "q", shelf.read) == "first"
    assert await recent.get("books", "other", shelf.read) == "second"
    assert shelf.reads == 2


async def test_those_who_ask_at_once_share_one_read() -> None:
    recent, shelf = RecentReads(), Shelf()
    assert await asyncio.gather(*(recent.get("books", "q", shelf.read) for _ in range(20))) == ["first"] * 20
    assert shelf.reads == 1


async def test_it_is_read_again_when_the_time_is_over() -> None:
    recent, shelf = RecentReads(seconds=0), Shelf()
    await recent.get("books", "q", shelf.read)
    shelf.value = "second"
    assert await recent.get("books", "q", shelf.read) == "second"


async def test_a_write_is_seen_at_once_even_by_who_was_reading_meanwhile() -> None:
    recent, shelf = RecentReads(), Shelf()
    shelf.open.clear()
    slow = asyncio.create_task(recent.get("books", "q", shelf.read))
    await shelf.asked.wait()
    shelf.value = "second"
    recent.forget(["books"])
    shelf.open.set()
    assert await slow == "first"  # it began before the write
    assert await recent.get("books", "q", shelf.read) == "second"


async def test_a_failure_is_not_remembered() -> None:
    recent, shelf = RecentReads(), Shelf()

    async def fail() -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await recent.get("books", "q", fail)
    assert await recent.get("books", "q", shelf.read) == "first"


async def test_one_who_leaves_takes_nothing_away_from_the_others() -> None:
    recent, shelf = RecentReads(), Shelf()
    shelf.open.clear()
    first = asyncio.create_task(recent.get("books", "q", shelf.read))
    second = asyncio.create_task(recent.get("books", "q", shelf.read))
    await shelf.asked.wait()
    first.cancel()
    shelf.open.set()
    assert await second == "first"
