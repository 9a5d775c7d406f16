"""Lists come in pages: `?limit=&cursor=` in, `{"items": [...], "next_cursor": ...}` out."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel

from libs.common.errors import BadRequest

T = TypeVar("T")
MAX_LIMIT = 200


class Page(BaseModel, Generic[T]):
    """One page. `next_cursor` is opaque; null when this is the last page."""

    items: list[T]
    next_cursor: str | None = None


class Cursor:
    """Where a page starts: behind the position of the last row of the page before."""

    def __init__(self, limit: int = 50, after: list[Any] | None = None) -> None:
        self.limit = limit
        self.after = after

    def next(self, last: list[Any] | None) -> str | None:
        """The cursor to hand out, given the position of the last row (None: there is nothing behind it)."""
        if last is None:
            return None
        tagged = [{"t": value.isoformat()} if isinstance(value, datetime) else value for value in last]
        return base64.urlsafe_b64encode(orjson.dumps(tagged)).decode().rstrip("=")


async def _cursor(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most")] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before")] = None,
) -> Cursor:
    return Cursor(limit, None if cursor is None else _decode(cursor))


def _decode(cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        decoded = [_moment(v["t"]) if isinstance(v, dict) else v for v in values]
    except (ValueError, KeyError, TypeError):
        decoded = []
    if len(decoded) != 2 or not all(isinstance(value, str | datetime) for value in decoded):
        raise BadRequest("The cursor is not one we gave out: start again without it")
    return decoded


def _moment(text: str) -> datetime:
    """Raises ValueError for a time that none of our rows can have."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 2000 <= moment.year < 2200:
        raise ValueError(text)
    return moment.astimezone(UTC)


PageCursor = Annotated[Cursor, Depends(_cursor)]
