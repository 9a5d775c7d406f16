"""What the driver asks the database, so that tests can have each query explained."""

from typing import Any

from pymongo import monitoring


class QueriesSeen(monitoring.CommandListener):
    """Remembers the finds on one collection while it is told to."""

    def __init__(self) -> None:
        self.collection: str | None = None
        self.filters: list[dict[str, Any]] = []

    @classmethod
    def listening(cls) -> "QueriesSeen":
        listener = cls()
        monitoring.register(listener)
        return listener

    def watch(self, collection: str) -> None:
        self.collection, self.filters = collection, []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "find" and event.command.get("find") == self.collection:
            self.filters.append(dict(event.command["filter"]))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass
