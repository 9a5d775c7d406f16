"""One call to a vendor, and what came of it in the words all vendors share."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from libs.common.resilience.breaker import BreakerOpen
from libs.common.resilience.http_client import UpstreamRejected, UpstreamUnavailable
from services.notifications.domain.outcome import Outcome, Result

NO_ANSWER = Outcome(result=Result.UNANSWERED, code="no_answer")
NOT_REACHED = Outcome(result=Result.FAILED, code="not_reached")


async def called(
    call: Awaitable[httpx.Response],
    *,
    accepted: Callable[[httpx.Response], str],
    refused: Callable[[Any], Outcome | None],
) -> Outcome:
    """The outcome of `call`. `accepted` reads the vendor's message id, `refused` the vendor's own refusal.

    A refusal in the vendor's words is certain, whatever its status. An answer that is neither comes from something
    in between, and then nobody knows what the vendor did.
    """
    try:
        message_id = _read(accepted, await call)
        return NO_ANSWER if message_id is None else Outcome(result=Result.ACCEPTED, message_id=message_id)
    except BreakerOpen as closed:
        return Outcome(result=Result.VENDOR_DOWN, code="vendor_down", retry_after=closed.retry_after)
    except UpstreamRejected as answer:
        return _said(answer.response, refused) or Outcome(result=Result.REFUSED, code=f"http_{answer.upstream_status}")
    except UpstreamUnavailable as trouble:
        if trouble.response is None:
            return NO_ANSWER if trouble.maybe_done else NOT_REACHED
        said = _said(trouble.response, refused)
        if said is None:
            return NO_ANSWER if trouble.maybe_done else Outcome(result=Result.FAILED, code="http_429")
        return said.model_copy(update={"retry_after": trouble.wait})


def _read(accepted: Callable[[httpx.Response], str], response: httpx.Response) -> str | None:
    """The id; None when this is not the vendor's answer: a redirect, or something unreadable."""
    try:
        return accepted(response) if response.is_success else None
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _said(response: httpx.Response, refused: Callable[[Any], Outcome | None]) -> Outcome | None:
    try:
        return refused(response.json())
    except (ValueError, KeyError, TypeError):
        return None
