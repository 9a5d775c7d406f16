"""Register our texts with the sandbox; with real vendors people do that, on portals, before a text is used."""

import asyncio
from collections.abc import Mapping

from libs.common.errors import Problem
from libs.common.resilience.http_client import OutboundClient
from libs.common.resilience.waiting import pause
from libs.common.telemetry.logs import get_logger
from services.notifications.domain.purposes import Channel
from services.notifications.domain.template import Template, TemplateBook

_AGAIN_SECONDS = 30.0
"""The sandbox forgets its templates when it restarts."""
_RETRY_SECONDS = 0.5
_log = get_logger(__name__)


class TemplateRegistration:
    """A part of the worker, in development only."""

    healthy = True

    def __init__(self, texts: TemplateBook, sandbox: Mapping[Channel, OutboundClient]) -> None:
        self._texts = texts
        self._sandbox = sandbox
        self.ready = False

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.register()
            except Problem as trouble:
                _log.warning("texts not registered yet", code=trouble.code)
                await pause(_RETRY_SECONDS, unless=stop)
            else:
                self.ready = True
                await pause(_AGAIN_SECONDS, unless=stop)
        for client in self._sandbox.values():
            await client.close()

    async def register(self) -> None:
        """Register all of them. Raises what `OutboundClient.request` raises."""
        for template in self._texts:
            await self._register(template)

    async def _register(self, template: Template) -> None:
        if template.channel is Channel.SMS:
            text = {"body": template.for_dlt, "category": "transactional"}
            await self._sandbox[Channel.SMS].request("PUT", f"/sms/templates/{template.id}", json=text)
        elif template.channel is Channel.WHATSAPP:
            path = f"/whatsapp/templates/{template.id}/{template.language}"
            category = "authentication" if template.authentication else "utility"
            text = {"body": template.for_whatsapp, "category": category}
            await self._sandbox[Channel.WHATSAPP].request("PUT", path, json=text)
