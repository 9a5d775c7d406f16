"""The app factory: one call gives a service its errors, health, telemetry, security and limits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from libs.common.garbage import settle_after_start
from libs.common.runtime import Runtime
from libs.common.security.permissions import check_every_route_declares_access
from libs.common.telemetry.asgi import NATIVE_TELEMETRY_OFF, TracingMiddleware
from libs.common.telemetry.logs import get_logger
from libs.common.telemetry.tracing import stop_tracing
from libs.common.web.health import HEALTH_ROUTES
from libs.common.web.openapi import openapi_of
from libs.common.web.problem_json import install_problem_handlers
from libs.common.web.request_scope import RequestScope

_log = get_logger(__name__)


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
        generate_unique_id_function=lambda route: route.name,
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
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app
