"""The OpenAPI document of a service: FastAPI's, plus what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from libs.common.errors import ProblemDocument
from libs.common.security.permissions import RequiredPermission, access_of
from libs.common.web.etag import sets_etag
from libs.common.web.idempotency import KEY_HEADER, needs_key
from libs.common.web.problem_json import MEDIA_TYPE

_STATEMENTS = {
    "400": "`bad_request`: the request is malformed",
    "401": "`unauthenticated`: no token, or one that does not verify",
    "403": "`forbidden`: the caller may not do this",
    "404": "`not_found`: there is no such thing, or it is not yours to see",
    "409": "`busy`: others change the same thing at this moment",
    "412": "`stale_version`: the If-Match is not the current version",
    "413": "`payload_too_large`",
    "415": "`unsupported_media_type`: not JSON",
    "422": "`invalid_request`: `errors` says what and where",
    "429": "`too_many_requests`: see Retry-After",
    "503": "`storage_unavailable` and the like: something this needs is away; see Retry-After",
}
_HEADERS = {
    "X-Request-ID": "What to quote when asking about this answer; the one that was sent, if it was harmless",
    "Retry-After": "In how many seconds to come back",
    "ETag": "The version that is answered; If-Match sends it back",
}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """FastAPI's schema with permissions, bearer security, problem documents and the headers of answers."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema.setdefault("components", {})
    components.setdefault("securitySchemes", {})["bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
    }
    components["headers"] = {
        name: {"description": words, "schema": {"type": "string"}} for name, words in _HEADERS.items()
    }
    schemas = components.setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemDocument"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for route in app.state.api_routes:
        for method in route.methods:
            operation = schema["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _describe(operation, route)
    app.openapi_schema = schema
    return schema


def _describe(operation: dict[str, Any], route: APIRoute) -> None:
    access = access_of(route)[0]
    if isinstance(access, RequiredPermission):
        operation["security"] = [{"bearer": []}]
        operation["x-permission"] = access.permission.name
        operation["x-roles"] = {role: str(reach) for role, reach in access.permission.grants.items()}
    for parameter in operation.get("parameters", []):
        if parameter["name"] == KEY_HEADER and needs_key(route):
            parameter["required"] = True
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status, statement in _STATEMENTS.items():
        responses.setdefault(status, {"description": statement, "content": content})
    for status, response in responses.items():
        headers = ["X-Request-ID"]
        headers += ["Retry-After"] if status in {"429", "503"} else []
        headers += ["ETag"] if status.startswith("2") and sets_etag(route) else []
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
