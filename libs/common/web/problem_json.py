"""Every error answer is `application/problem+json` with a code, a request id and a way forward."""

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pymongo.errors import ConnectionFailure, PyMongoError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from libs.common.errors import (
    BadRequest,
    FieldError,
    NotFound,
    PayloadTooLarge,
    Problem,
    Unprocessable,
    UnsupportedMediaType,
)
from libs.common.mongo.steps import StorageUnavailable
from libs.common.telemetry.logs import bind_context, current_context
from libs.common.web.health import HEALTH_ROUTES
from libs.common.web.idempotency import told_first
from libs.common.web.validation_words import in_words

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 20
_NOT_JSON = "The body is not valid JSON: look at its brackets, its numbers, and that it is UTF-8"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "This path does not take that method"


def problem_response(problem: Problem) -> Response:
    """The answer for a problem; the request id comes from the request's context, which takes the code for the logs."""
    bind_context(code=problem.code)
    body: dict[str, Any] = {
        "type": f"urn:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": str(current_context().get("request_id", "")),
        **problem.extra,
    }
    if problem.errors:
        body["errors"] = [error.model_dump() for error in problem.errors]
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after is not None else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(body), problem.status, headers, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Turn everything an endpoint can raise into a problem document."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, problem: Problem) -> Response:
        return problem_response(await told_first(request, problem))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, invalid: RequestValidationError) -> Response:
        return problem_response(_validation_problem(request, invalid))

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, raised: HTTPException) -> Response:
        response = problem_response(_http_problem(raised))
        response.headers.update(raised.headers or {})
        if raised.status_code == 405:
            response.headers["Allow"] = ", ".join(_allowed(request))
        return response

    @app.exception_handler(PyMongoError)
    async def on_storage_error(_request: Request, error: PyMongoError) -> Response:
        log.error("storage_error", extra={"error_type": type(error).__name__})
        if isinstance(error, ConnectionFailure) or error.timeout:
            return problem_response(StorageUnavailable())
        return unexpected(error)


def _allowed(request: Request) -> list[str]:
    """What the path takes; Starlette names the methods of its first route only."""
    routes: list[Route] = [*HEALTH_ROUTES, *request.app.state.api_routes]
    there = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in there for method in route.methods or ()})


def unexpected(error: BaseException) -> Response:
    """The answer to a defect of ours: logged with its stack, told without any of it."""
    log.error("unhandled_error", exc_info=error, extra={"error_type": type(error).__name__})
    return problem_response(Problem("It has been logged. Quote the request_id when you report it"))


def _validation_problem(request: Request, invalid: RequestValidationError) -> Problem:
    entries = invalid.errors()
    if any(entry["type"] == "json_invalid" for entry in entries):
        return BadRequest(_NOT_JSON)
    if any(entry["loc"] == ("body",) for entry in entries) and "json" not in request.headers.get("content-type", ""):
        return UnsupportedMediaType()
    route = request.scope.get("route")
    told = [FieldError(pointer=_pointer(e["loc"]), detail=in_words(e, route)) for e in entries[:_MOST_ERRORS]]
    if len(entries) > len(told):
        told.append(FieldError(pointer="", detail=f"and {len(entries) - len(told)} more"))
    return Unprocessable(errors=told)


def _pointer(loc: tuple[int | str, ...]) -> str:
    """A JSON pointer into the body ("" is all of it), or `/query/limit` and the like for what is not in the body."""
    parts = loc[1:] if loc and loc[0] == "body" else loc
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _http_problem(raised: HTTPException) -> Problem:
    """Starlette's own refusals: an unknown path, a wrong method, a body that cannot be parsed."""
    if raised.status_code == 404:
        return NotFound("No such path")
    if raised.status_code == 405:
        return MethodNotAllowed()
    if raised.status_code == 413:
        return PayloadTooLarge()
    return BadRequest(_NOT_JSON if "parsing the body" in str(raised.detail) else str(raised.detail))
