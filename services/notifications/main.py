"""The notifications API, as uvicorn finds it: `uvicorn services.notifications.main:app`."""

from fastapi import FastAPI

from libs.common.web.app import create_app
from services.notifications.api import notifications as messages
from services.notifications.api import preferences, quiet_hours, webhooks
from services.notifications.bootstrap import NotificationsRuntime, notifications


def build(runtime: NotificationsRuntime) -> FastAPI:
    """The app on this runtime."""
    return create_app(
        runtime,
        title="Notifications",
        description="What people are told, over which channel, and whether it reached them.",
        routers=[quiet_hours.router, messages.router, preferences.router, webhooks.router],
    )


app = build(notifications())
