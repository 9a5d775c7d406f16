"""What endpoints take besides their body and caller; services narrow the types in `api/access.py`."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request


def part(name: str) -> Callable[[Request], Awaitable[Any]]:
    """A dependency on one attribute of the service's runtime: an adapter its bootstrap chose."""

    async def take(request: Request) -> Any:
        return getattr(request.app.state.runtime, name)

    return take


transactor = part("transact")
subject_directory = part("subjects")
