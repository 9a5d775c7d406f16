"""The registry API, as uvicorn finds it: `uvicorn services.registry.main:app`."""

from fastapi import FastAPI

from libs.common.web.app import create_app
from services.registry.api import consents, families, internal, patients
from services.registry.bootstrap import RegistryRuntime, registry


def build(runtime: RegistryRuntime) -> FastAPI:
    """The app on this runtime."""
    return create_app(
        runtime,
        title="Patient Registry",
        description="Who the patients are, who may act for them, and what they consented to.",
        routers=[patients.router, families.router, consents.router, internal.router],
    )


app = build(registry())
