"""Calls to other services and to vendors: bounded in time, retried where that is safe, behind a breaker."""

import asyncio
import ipaddress
import math
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from libs.common.errors import Problem, Unavailable
from libs.common.resilience.breaker import AsyncBreaker
from libs.common.telemetry import metrics
from libs.common.telemetry.tracing import client_span, outbound_headers

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_WORTH_RETRYING = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 5.0
_LONGEST_NAMED = 365 * 24 * 3600.0  # enough digits would name infinity
_BACKOFF = tenacity.wait_random_exponential(multiplier=0.1, max=2)


class UpstreamUnavailable(Unavailable):
    """The other side did not answer, or with a status that says it could not (`upstream_status`, `response`).

    `maybe_done`: the request may have taken effect all the same; ask before repeating it.
    """

    code = "upstream_unavailable"
    title = "Something this needs is not answering"

    def __init__(
        self, upstream: str, *, maybe_done: bool, response: httpx.Response | None = None, wait: float | None = None
    ) -> None:
        super().__init__(f"{upstream} is not answering", retry_after=math.ceil(wait or 2))
        self.upstream = upstream
        self.maybe_done = maybe_done
        self.response = response
        self.upstream_status = None if response is None else response.status_code
        self.wait = wait


class UpstreamRejected(Problem):
    """The other side answered and said no: its HTTP status, and the `code` of its body where it gave one."""

    status = 502
    code = "upstream_rejected"
    title = "Something this needs refused the request"

    def __init__(self, upstream: str, response: httpx.Response) -> None:
        super().__init__(f"{upstream} refused the request")
        self.upstream = upstream
        self.response = response
        self.upstream_status = response.status_code
        self.body_code = _code_of(response)


class PrivateAddress(Problem):
    """The address to call lies inside our own network, or is no address at all."""

    status = 422
    code = "address_not_allowed"
    title = "This address may not be called"


class OutboundClient:
    """One other side, under one name in metrics, spans and errors.

    Retries what may be repeated (idempotent methods, or any with `idempotency_key`) after connection errors,
    timeouts, 429, 502, 503 and 504: at most `attempts` in all, with exponential backoff and full jitter, or
    after the `Retry-After` given when that is 5 seconds or less. `timeout` bounds each attempt as a whole, in
    seconds. `token` gives the bearer token of a request. With `public_only`, addresses inside our own network
    are refused: for URLs that people enter.
    """

    def __init__(
        self,
        name: str,
        base_url: str = "",
        *,
        timeout: float = 5.0,
        attempts: int = 3,
        breaker: AsyncBreaker | None = None,
        token: Callable[[], Awaitable[str]] | None = None,
        public_only: bool = False,
        max_connections: int = 20,
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._attempts = attempts
        self._breaker = breaker or AsyncBreaker(name, is_failure=is_upstream_failure)
        self._token = token
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(limits=limits)
        if public_only:
            transport = _PublicOnly(transport)
        self._http = httpx.AsyncClient(base_url=base_url, transport=transport, timeout=timeout)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """The response, of status 2xx or 3xx. Raises `UpstreamUnavailable`, `UpstreamRejected`, `BreakerOpen`."""
        sent = dict(headers or {})
        if idempotency_key is not None:
            sent["Idempotency-Key"] = idempotency_key
        if self._token is not None:
            sent["Authorization"] = f"Bearer {await self._token()}"
        repeatable = method in _IDEMPOTENT or idempotency_key is not None
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._attempts if repeatable else 1),
            retry=tenacity.retry_if_exception(_worth_retrying),
            wait=_wait,
            reraise=True,
        )

        async def attempt() -> httpx.Response:
            request = self._http.build_request(method, url, params=params, json=json, content=content, headers=sent)
            return await self._attempt(request, timeout or self._timeout)

        return await retrying(attempt)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _attempt(self, request: httpx.Request, timeout: float) -> httpx.Response:
        attributes = {"peer.service": self.name, "http.request.method": request.method}
        started, outcome = time.perf_counter(), "failed"
        try:
            with client_span(f"{request.method} {self.name}", attributes):
                request.headers.update(outbound_headers())
                async with self._breaker.guard():
                    response = await self._send(request, timeout)
            outcome = "ok"
            return response
        except UpstreamRejected:
            outcome = "rejected"
            raise
        finally:
            metrics.OUTBOUND_DURATION.labels(self.name, outcome).observe(time.perf_counter() - started)

    async def _send(self, request: httpx.Request, timeout: float) -> httpx.Response:
        try:
            async with asyncio.timeout(timeout):  # httpx bounds each read, not the whole
                response = await self._http.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise UpstreamUnavailable(self.name, maybe_done=False) from error
        except (httpx.TransportError, TimeoutError) as error:
            raise UpstreamUnavailable(self.name, maybe_done=True) from error
        status = response.status_code
        if status >= 500 or status == 429:
            wait = _retry_after(response)
            raise UpstreamUnavailable(self.name, maybe_done=status >= 500, response=response, wait=wait)
        if status >= 400:
            raise UpstreamRejected(self.name, response)
        return response


def is_upstream_failure(error: Exception) -> bool:
    """For a breaker: no answer and 5xx are failures; a refusal, or being told to slow down, is an answer."""
    return isinstance(error, UpstreamUnavailable) and error.upstream_status != 429


def _worth_retrying(error: BaseException) -> bool:
    return (
        isinstance(error, UpstreamUnavailable)
        and (error.upstream_status is None or error.upstream_status in _WORTH_RETRYING)
        and (error.wait or 0) <= _LONGEST_WAIT
    )


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, UpstreamUnavailable) else None
    return _BACKOFF(state) if asked is None else asked


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait by the answer's `Retry-After`, which is a number or a date; None without a usable one."""
    given = response.headers.get("retry-after", "")
    if given.isdecimal():
        return min(float(given), _LONGEST_NAMED)
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except ValueError:
        return None


def _code_of(response: httpx.Response) -> str | None:
    try:
        body = response.json()
    except ValueError:
        return None
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None


class _PublicOnly(httpx.AsyncBaseTransport):
    """Connects to the very address it has checked, so that a name cannot change its mind in between."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if request.url.scheme not in ("http", "https"):
            raise PrivateAddress
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError("The name does not resolve") from error
        address = ipaddress.ip_address(found[0][4][0])
        if not _is_public(address):
            raise PrivateAddress
        request.url = request.url.copy_with(host=str(address))
        request.extensions = {**request.extensions, "sni_hostname": host}
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast
