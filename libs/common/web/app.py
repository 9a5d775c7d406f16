"""The app factory: one call gives a service its errors, health, telemetry, security and limits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from libs.common.errors import ProblemDocument
from libs.common.garbage import settle_after_start
from libs.common.runtime import Runtime
from libs.common.security.permissions import RequiredPermission, access_of, check_every_route_declares_access
from libs.common.telemetry.asgi import NATIVE_TELEMETRY_OFF, TracingMiddleware
from libs.common.telemetry.logs import get_logger
from libs.common.telemetry.tracing import stop_tracing
from libs.common.web.health import HEALTH_ROUTES
from libs.common.web.problem_json import MEDIA_TYPE, install_problem_handlers
from libs.common.web.request_scope import RequestScope

_log = get_logger(__name__)

_STATEMENTS = {
    "400": "The request is malformed",
    "401": "No token, or one that does not verify",
    "403": "The caller may not do this",
    "404": "There is no such thing, or it is not yours to see",
    "409": "The current state does not allow this",
    "412": "The If-Match is not the current version",
    "413": "The body is too large",
    "415": "Not JSON",
    "422": "The content is not valid; `errors` says what and where",
    "429": "Too many requests; see Retry-After",
    "503": "Something this needs is away; see Retry-After",
}


def create_app(runtime: Runtime[Any], *, title: str, description: str, routers: Sequence[APIRouter]) -> FastAPI:
    """The ASGI app of a service. Raises at once when a route declares no access, or more than one."""
    settings = runtime.settings

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await runtime.start()
        except Exception as error:
            _log.critical("start-up failed", exc_info=error)  # uvicorn's own line would lose the reason
            raise
        settle_after_start()
        try:
            yield
        finally:
            await runtime.stop()
            await stop_tracing()

    app = FastAPI(
        title=title,
        description=description,
        version="1.0.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name this process's own address
        routes=list(HEALTH_ROUTES),
        telemetry=NATIVE_TELEMETRY_OFF,
    )
    app.state.runtime = runtime
    api_routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    check_every_route_declares_access(app, api_routes)
    for router in routers:
        app.include_router(router)
    app.state.api_routes = api_routes
    install_problem_handlers(app)
    app.add_middleware(RequestScope, service=settings.service_name, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(TracingMiddleware)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's schema plus what it cannot know: permissions, bearer security, and problem documents."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema.setdefault("components", {})
    components.setdefault("securitySchemes", {})["bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
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
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status, statement in _STATEMENTS.items():
        responses.setdefault(status, {"description": statement, "content": content})
