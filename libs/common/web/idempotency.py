"""`Idempotency-Key`: what endpoints take so that a retried request has one effect."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.routing import APIRoute
from pydantic import WithJsonSchema
from pymongo.errors import PyMongoError

from libs.common.errors import BadRequest, Forbidden, NotFound, Problem
from libs.common.mongo.once import IdempotencyKeyReused, Once, find_answer
from libs.common.security.permissions import bearer_of

KEY_HEADER = "Idempotency-Key"

_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")


class IdempotencyKeyRequired(BadRequest):
    """The route has an effect that must not happen twice."""

    code = "idempotency_key_required"
    title = "Send an Idempotency-Key header: any unique text, the same one when you retry"


_ABOUT = "Any text unique to this request; send the same one when you retry it"
_Header = Annotated[
    str | None,
    Header(alias=KEY_HEADER, description=_ABOUT),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[!-~]+$",
            "description": _ABOUT,
            "examples": ["key_01jd2v7xk4e5ta3m3w2x0v6h7c"],
        }
    ),
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
    once = Once.request(
        caller_id=claims.subject,
        method=request.method,
        path=request.url.path,
        header=key,
        body=await request.body(),
    )
    request.state.once = once
    return once


async def told_first(request: Request, refusal: Problem) -> Problem:
    """What to answer when an endpoint refused before it came to `transact`, where the key is looked at: that the key
    belongs to another request comes before what this one's content asks for."""
    once: Once | None = getattr(request.state, "once", None)
    if once is None or not isinstance(refusal, NotFound | Forbidden):
        return refusal
    runtime = request.app.state.runtime
    try:
        await find_answer(runtime.db, once, runtime.once_in)
    except IdempotencyKeyReused as reused:
        return reused
    except PyMongoError:
        return refusal
    return refusal


IdempotencyKey = Annotated[Once, Depends(_required_key)]
OptionalIdempotencyKey = Annotated[Once | None, Depends(_optional_key)]


def needs_key(route: APIRoute) -> bool:
    """Whether an endpoint takes an `IdempotencyKey`, which FastAPI shows as one that may be left out: a request
    without it gets a problem of its own, and no word of a missing header."""
    return any(child.call is _required_key for child in route.dependant.dependencies)
