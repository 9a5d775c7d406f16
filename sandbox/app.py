"""The ASGI app: the vendors' APIs, the sandbox's own, and the page."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from sandbox import console
from sandbox.sms import api as sms
from sandbox.sms import errors as sms_errors
from sandbox.whatsapp import api as whatsapp
from sandbox.whatsapp import errors as whatsapp_errors
from sandbox.world import World

PAGE = Path(__file__).parent / "page"
MAX_BODY_BYTES = 262_144
# Messages are strangers' data: whatever slipped past the page's escaping could still run nothing.
PAGE_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def create_app(world: World) -> FastAPI:
    """The app around a running world."""
    settings = world.settings
    app = FastAPI(title="Clinic sandbox", docs_url=None, redoc_url=None, max_body_size=MAX_BODY_BYTES)
    app.add_exception_handler(whatsapp_errors.GraphError, whatsapp_errors.answer)
    app.add_exception_handler(sms_errors.SmsError, sms_errors.answer)
    app.include_router(console.routes(world))
    app.include_router(
        whatsapp.routes(
            world.whatsapp,
            world.faults,
            settings.whatsapp_token.get_secret_value(),
            settings.whatsapp_verify_token.get_secret_value(),
        )
    )
    app.include_router(sms.routes(world.sms, world.faults, settings.sms_api_key.get_secret_value()))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(
            PAGE / "index.html", headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
        )

    app.mount("/page", StaticFiles(directory=PAGE))
    return app
