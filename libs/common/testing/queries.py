"""What the driver asks the database, so that a test can have each query explained."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from pymongo import monitoring
from pymongo.asynchronous.collection import AsyncCollection

_FILTER = {"find": "filter", "findAndModify": "query", "count": "query"}


class QueriesSeen(monitoring.CommandListener):
    """Remembers the queries sent while it is watching: collection and filter."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self._watching = False

    @classmethod
    def listening(cls) -> "QueriesSeen":
        """Make it before the client: the driver tells only listeners that were there first."""
        listener = cls()
        monitoring.register(listener)
        return listener

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Forget what was seen before, and look at what is asked in this block."""
        self.seen, self._watching = [], True
        try:
            yield
        finally:
            self._watching = False

    def of(self, *collections: str) -> list[tuple[str, dict[str, Any]]]:
        """Those on the service's own collections."""
        return [(collection, query) for collection, query in self.seen if collection in collections]

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if not self._watching:
            return
        name, command = event.command_name, event.command
        collection = str(command.get(name))
        if name in _FILTER:
            self.seen.append((collection, dict(command.get(_FILTER[name], {}))))
        elif name == "aggregate":
            self.seen.append((collection, dict(command["pipeline"][0].get("$match", {}))))
        elif name == "update":
            self.seen += [(collection, dict(update["q"])) for update in command["updates"]]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


async def assert_indexed(collection: AsyncCollection[dict[str, Any]], query: dict[str, Any]) -> None:
    """Some index begins with what the query asks for, and the database takes it for that part. (The embedded server
    explains a query with more fields than the index has as a scan, though it does use the index.)"""
    asked = {name: value for part in (query, *query.get("$and", [])) for name, value in part.items()}
    prefixes = [
        list(takewhile(lambda name: name in asked, index["key"])) async for index in await collection.list_indexes()
    ]
    longest = max(prefixes, key=len)
    assert longest, (collection.name, query)
    if longest != ["_id"]:
        explained = await collection.find({name: asked[name] for name in longest}).explain()
        assert "COLLSCAN" not in str(explained), (collection.name, query)
