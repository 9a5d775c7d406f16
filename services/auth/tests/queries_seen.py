"""What the driver asks the database, so that tests can have each query explained."""

from typing import Any

from pymongo import monitoring

_OURS = {"clinics", "users", "devices", "sessions", "otp_challenges", "pending_logins", "signing_keys", "counters"}


class QueriesSeen(monitoring.CommandListener):
    """Remembers the queries on our collections while it is watching: collection and filter."""

    def __init__(self) -> None:
        self.watching = False
        self.seen: list[tuple[str, dict[str, Any]]] = []

    @classmethod
    def listening(cls) -> "QueriesSeen":
        """Make it before the client: the driver tells only listeners that were there first."""
        listener = cls()
        monitoring.register(listener)
        return listener

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        collection = event.command.get(event.command_name)
        if not self.watching or collection not in _OURS:
            return
        if event.command_name == "find":
            self.seen.append((collection, dict(event.command["filter"])))
        elif event.command_name == "findAndModify":
            self.seen.append((collection, dict(event.command["query"])))
        elif event.command_name == "aggregate":
            self.seen.append((collection, dict(event.command["pipeline"][0]["$match"])))
        elif event.command_name == "update":
            self.seen += [(collection, dict(update["q"])) for update in event.command["updates"]]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass
