"""`/healthz` (the process works), `/readyz` (it can serve), `/metrics`."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from libs.common.telemetry.metrics import METRICS_CONTENT_TYPE, render_metrics


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(request: Request) -> Response:
    checks: dict[str, Any] = await request.app.state.runtime.readiness()
    ready = all(check == "ok" for check in checks.values())
    return Response(
        orjson.dumps({"ready": ready, "checks": checks}), 200 if ready else 503, media_type="application/json"
    )


async def _metrics(_request: Request) -> Response:
    return Response(render_metrics(), media_type=METRICS_CONTENT_TYPE)


HEALTH_ROUTES = [Route("/healthz", _healthz), Route("/readyz", _readyz), Route("/metrics", _metrics)]
