"""Doing a thing once: one mechanism behind HTTP idempotency keys and consumed message ids.

The key is stored with the effect, in the same atomic commit, together with the result. Whoever comes second,
in whatever way, finds the key and gets that result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter

from libs.common.errors import Conflict, Unprocessable
from libs.common.mongo.database import IDEMPOTENCY_KEPT, IDEMPOTENCY_KEYS, INBOX, Database, Raw


class IdempotencyKeyReused(Unprocessable):
    """The same key came with another request."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key belongs to another request: use a new key for a new request"


class RequestInProgress(Conflict):
    """The first request with this key has not finished yet."""

    code = "request_in_progress"
    title = "A request with this Idempotency-Key is still being worked on"


@dataclass(slots=True)
class Once:
    """What must happen at most once. `fingerprint` tells a repeat from a different request with the same key;
    `replayed` is set by `transact` when it gives the first result again, for those who count effects."""

    kind: Literal["http", "message"]
    key: str
    fingerprint: str | None = None
    replayed: bool = False

    @classmethod
    def message(cls, message_id: str) -> "Once":
        return cls("message", message_id)

    @classmethod
    def request(cls, *, caller_id: str, method: str, path: str, header: str, body: bytes) -> "Once":
        """Keys are scoped to the caller and the route, so nobody can probe another's."""
        scope = "\n".join((caller_id, method, path, header))
        # The body's digest takes the header in, which is stored nowhere: nobody can guess a phone number by it.
        return cls("http", sha256(scope.encode()).hexdigest(), sha256(header.encode() + b"\n" + body).hexdigest())

    @property
    def collection(self) -> str:
        return INBOX if self.kind == "message" else IDEMPOTENCY_KEYS

    def record(self, now: datetime, result: Any) -> Raw:
        """The row to store beside an effect that spans documents."""
        return {"_id": self.key, "fingerprint": self.fingerprint, "at": now, "result": result}

    def embedded(self, now: datetime, result: Any) -> Raw:
        """The same, inside the one document the effect consists of."""
        return {"key": self.key, "fingerprint": self.fingerprint, "at": now, "result": result}


async def find_answer(db: Database, once: Once, embedded_in: Sequence[str]) -> Raw | None:
    """The stored record for this key, wherever it was put; raises when it belongs to another request."""
    found: Raw | None = await db[once.collection].find_one({"_id": once.key})
    if found is None and once.kind == "http":
        for name in embedded_in:
            carrier = await db[name].find_one({"once.key": once.key}, {"once": 1})
            if carrier is not None:
                found = carrier["once"]
                break
    if found is not None and found["fingerprint"] != once.fingerprint:
        raise IdempotencyKeyReused
    return found


async def forget_old_keys(db: Database, embedded_in: Sequence[str], now: datetime) -> int:
    """Take keys out of documents when their day is over; rows of their own go by a TTL index. Returns how many."""
    forgotten = 0
    for name in embedded_in:
        old = {"once.key": {"$gt": ""}, "once.at": {"$lt": now - IDEMPOTENCY_KEPT}}
        forgotten += (await db[name].update_many(old, {"$unset": {"once": ""}})).modified_count
    return forgotten


@cache
def result_type(use_case: Callable[..., Any]) -> TypeAdapter[Any]:
    """How to store and restore what a use case returns, by its return annotation."""
    returned: Any = get_type_hints(use_case)["return"]
    return TypeAdapter(returned)
