"""Optimistic concurrency for what people edit: the revision is the ETag, `If-Match` sends it back."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response
from fastapi.routing import APIRoute

from libs.common.errors import BadRequest

_ETAG = re.compile(r'^(?:W/)?"?(\d{1,15})"?$')


async def _expected_revision(
    if_match: Annotated[
        str | None, Header(description='The ETag of the version you changed, such as "3"', max_length=32)
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.match(if_match.strip())
    if match is None:
        raise BadRequest('If-Match must be an ETag we gave out, for example "3"')
    return int(match.group(1))


IfMatch = Annotated[int | None, Depends(_expected_revision)]
"""The revision the caller has seen; None when the caller does not care."""


def set_etag(response: Response, revision: int) -> None:
    """Put the version of what is answered into its ETag."""
    response.headers["ETag"] = f'"{revision}"'


def sets_etag(route: APIRoute) -> bool:
    """Whether an endpoint calls `set_etag`, by the names in its code."""
    return set_etag.__name__ in route.endpoint.__code__.co_names
