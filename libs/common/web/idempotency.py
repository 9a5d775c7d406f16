"""`Idempotency-Key`: what endpoints take so that a retried request has one effect."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request

from libs.common.errors import BadRequest
from libs.common.mongo.once import Once
from libs.common.security.permissions import bearer_of

_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")


class IdempotencyKeyRequired(BadRequest):
    """The route has an effect that must not happen twice."""

    code = "idempotency_key_required"
    title = "Send an Idempotency-Key header: any unique text, the same one when you retry"


_Header = Annotated[
    str | None, Header(description="Any text unique to this request; send the same one when you retry it")
]


async def _required_key(request: Request, idempotency_key: _Header = None) -> Once:
    if idempotency_key is None:
        raise IdempotencyKeyRequired
    return await _once(request, idempotency_key)


async def _optional_key(request: Request, idempotency_key: _Header = None) -> Once | None:
    return None if idempotency_key is None else await _once(request, idempotency_key)


async def _once(request: Request, key: str) -> Once:
    if not _KEY.match(key):
        raise BadRequest("An Idempotency-Key is 1 to 255 visible ASCII characters")
    claims = await request.app.state.runtime.verifier.verify(bearer_of(request))
    return Once.request(
        caller_id=claims.subject,
        method=request.method,
        path=request.url.path,
        header=key,
        body=await request.body(),
    )


IdempotencyKey = Annotated[Once, Depends(_required_key)]
OptionalIdempotencyKey = Annotated[Once | None, Depends(_optional_key)]
