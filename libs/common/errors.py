"""Errors a caller can act on; `libs.common.web.problem_json` turns them into RFC 9457 answers.

A service names its own errors as nouns and derives them from the classes below:

    class SlotTaken(Conflict):
        code = "slot_taken"
        title = "The slot is taken"
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, Field

_STANDARD_MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}
_ERRORS_IN_DETAIL = 3


class FieldError(BaseModel):
    """One thing wrong with a request: where (a JSON pointer) and what to do about it."""

    pointer: str = Field(examples=["/phone"])
    detail: str = Field(examples=["Give the number in E.164 form, for example +919812345678"])


class Problem(Exception):
    """An error with a stable `code`, a status, and a sentence that says what to do.

    `extra` members are added to the answer as they are (RFC 9457 extension members).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if errors and detail is None:
            detail = "; ".join(f"{error.pointer}: {error.detail}" for error in errors[:_ERRORS_IN_DETAIL])
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors or []
        self.retry_after = retry_after
        self.extra = dict(extra or {})
        if taken := self.extra.keys() & _STANDARD_MEMBERS:
            raise ValueError(f"{sorted(taken)} are members of every problem")


class Misconfigured(Problem):
    """This process cannot start as it is set up; the detail names the setting. Never an answer to a request."""

    code = "misconfigured"
    title = "A setting is missing or makes no sense"


class BadRequest(Problem):
    """The request is malformed: a header or a parameter is missing or makes no sense."""

    status = 400
    code = "bad_request"
    title = "The request is malformed"


class Unauthenticated(Problem):
    """No token, or one that does not verify."""

    status = 401
    code = "unauthenticated"
    title = "Log in first"


class Forbidden(Problem):
    """The caller is known and may not do this; the detail explains."""

    status = 403
    code = "forbidden"
    title = "You may not do this"


class NotFound(Problem):
    """There is no such thing, or the caller may not know of it: the two look the same."""

    status = 404
    code = "not_found"
    title = "There is nothing here"


class Conflict(Problem):
    """The state of the thing does not allow it."""

    status = 409
    code = "conflict"
    title = "The current state does not allow this"


class PreconditionFailed(Problem):
    """The `If-Match` the caller sent is not the current version."""

    status = 412
    code = "stale_version"
    title = "Somebody changed this in the meantime"


class PayloadTooLarge(Problem):
    """The body is larger than this route takes."""

    status = 413
    code = "payload_too_large"
    title = "The request body is too large"


class UnsupportedMediaType(Problem):
    """The body is not in a format this route reads."""

    status = 415
    code = "unsupported_media_type"
    title = "Send JSON, with Content-Type: application/json"


class Unprocessable(Problem):
    """The request is well-formed and its content is not acceptable."""

    status = 422
    code = "invalid_request"
    title = "The request is not valid"


class TooManyRequests(Problem):
    """A limit was reached; `retry_after` says when to come back."""

    status = 429
    code = "too_many_requests"
    title = "Too many requests"


class Unavailable(Problem):
    """Something this request needs is down or overloaded; try again after `retry_after` seconds."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int = 2, **more: Any) -> None:
        super().__init__(detail, retry_after=retry_after, **more)


class ProblemDocument(BaseModel):
    """The body of every error answer (`application/problem+json`, RFC 9457)."""

    type: str = Field(examples=["urn:problem:slot_taken"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; what programs decide on.", examples=["slot_taken"])
    request_id: str
    errors: list[FieldError] = []


def problems(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: the errors it can answer with, grouped by status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        described = f"`{kind.code}`: {kind.title}"
        known = responses.get(kind.status)
        if known is not None:
            described = f"{known['description']}; {described}"
        responses[kind.status] = {
            "description": described,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
    return responses
