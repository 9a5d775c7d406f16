"""Tokens with which this service calls another: one minute, one audience, asked of auth and kept while they last."""

import time
from collections.abc import Awaitable, Callable

import httpx

from libs.common.errors import Unavailable
from libs.common.settings import ServiceSettings

_RENEW_BEFORE_SECONDS = 15


class IdentityUnavailable(Unavailable):
    """auth did not answer, so this service cannot prove to another who it is."""

    code = "identity_unavailable"
    title = "The identity service is not available right now"


class ServiceTokens:
    """Asks `POST {auth}/internal/service-tokens` with this service's secret."""

    def __init__(self, settings: ServiceSettings, http: httpx.AsyncClient) -> None:
        self._url = f"{str(settings.auth_url).rstrip('/')}/internal/service-tokens"
        self._service = settings.service_name
        self._secret = settings.service_secret
        self._http = http
        self._tokens: dict[str, tuple[str, float]] = {}

    def for_audience(self, audience: str) -> Callable[[], Awaitable[str]]:
        """What an outbound client calls before each request to that service."""

        async def token() -> str:
            known, renew_at = self._tokens.get(audience, ("", 0.0))
            if time.monotonic() < renew_at:
                return known
            return await self._ask(audience)

        return token

    async def _ask(self, audience: str) -> str:
        body = {"service": self._service, "audience": audience, "secret": self._secret.get_secret_value()}
        try:
            response = await self._http.post(self._url, json=body)
            response.raise_for_status()
        except httpx.HTTPError:
            raise IdentityUnavailable from None
        answer = response.json()
        token = str(answer["access_token"])
        self._tokens[audience] = (token, time.monotonic() + answer["expires_in"] - _RENEW_BEFORE_SECONDS)
        return token
