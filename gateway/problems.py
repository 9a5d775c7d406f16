"""The gateway's own refusals, and how any refusal is written without a web framework."""

from typing import Any

import orjson

from libs.common.errors import BadRequest, Problem, TooManyRequests, Unavailable

Headers = list[tuple[bytes, bytes]]

MEDIA_TYPE = b"application/problem+json"


class NotCanonical(BadRequest):
    """Dot segments, doubled slashes, encoded slashes: two programs may read such a path differently."""

    code = "path_not_canonical"
    title = "The path is not in its canonical form"


class AmbiguousRequest(BadRequest):
    """Framing or identity said twice, or in two ways: the classic start of request smuggling."""

    code = "ambiguous_request"
    title = "The request can be read in more than one way"


class MethodNotSupported(Problem):
    """CONNECT, TRACE and inventions; and on the gateway's own pages whatever would change them."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not offered here"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__()
        self.allowed = allowed


class ClientTooSlow(Problem):
    """The head or the body did not arrive in time."""

    status = 408
    code = "request_timeout"
    title = "The request took too long to arrive"


class UrlTooLong(Problem):
    status = 414
    code = "url_too_long"
    title = "The URL is too long"


class HeadTooLarge(Problem):
    status = 431
    code = "headers_too_large"
    title = "The request headers are too large"


class RateLimited(TooManyRequests):
    """`limit` requests a minute are used up; `retry_after` seconds until the next one passes."""

    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, *, limit: int, retry_after: int) -> None:
        super().__init__(
            f"The limit is {limit} requests a minute; try again in {retry_after} s", retry_after=retry_after
        )
        self.limit = limit


class Overloaded(Unavailable):
    """More work waits for the service than it can finish in a useful time."""

    code = "overloaded"
    title = "Too busy right now"


class UpstreamAway(Unavailable):
    """The service behind this path does not take connections, or its breaker is open."""

    code = "upstream_unavailable"
    title = "The service behind this is not available right now"


class BadGateway(Problem):
    """The service broke off or answered something that is not HTTP."""

    status = 502
    code = "bad_gateway"
    title = "The service behind this gave no proper answer"


class GatewayTimeout(Problem):
    """The service did not answer in time; what was asked may or may not have happened."""

    status = 504
    code = "gateway_timeout"
    title = "The service behind this did not answer in time"


def rendered(problem: Problem, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers (all but those every answer has) and body, shaped as `libs.common.errors.ProblemDocument`."""
    document: dict[str, Any] = {
        "type": f"urn:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        **problem.extra,
    }
    if problem.errors:
        document["errors"] = [error.model_dump() for error in problem.errors]
    body = orjson.dumps(document)
    headers: Headers = [
        (b"content-type", MEDIA_TYPE),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if problem.retry_after is not None:
        headers.append((b"retry-after", b"%d" % problem.retry_after))
    if problem.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(problem, MethodNotSupported):
        headers.append((b"allow", ", ".join(problem.allowed).encode()))
    if isinstance(problem, RateLimited):
        headers += [
            (b"ratelimit-limit", b"%d" % problem.limit),
            (b"ratelimit-remaining", b"0"),
            (b"ratelimit-reset", b"%d" % (problem.retry_after or 0)),
        ]
    return problem.status, headers, body
