"""The composition root: from settings to a running gateway; the only place where real parts are chosen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.addresses import ClientAddresses
from gateway.app import BodyLimits, Gateway, Limits
from gateway.cors import Cors
from gateway.forwarding import Deadlines
from gateway.limits import Limit, RateLimits, RedisCounts
from gateway.openapi import MergedOpenApi
from gateway.pages import Pages
from gateway.protocol import ClientConnection, ConnectionPolicy, Lifecycle
from gateway.routes import RouteTable, Service
from gateway.settings import GatewaySettings
from gateway.telemetry import AccessLog, Tracing
from gateway.upstream.admission import Admission, AdmissionPolicy
from gateway.upstream.connection import UpstreamError
from gateway.upstream.pool import Upstream
from libs.common.resilience.breaker import AsyncBreaker
from libs.common.security.published import PublishedKeys, RevokedSessions, keep_fresh
from libs.common.security.tokens import TokenVerifier

REDIS_SECONDS = 0.1
SWEEP_EVERY = 0.25


@asynccontextmanager
async def running_gateway(settings: GatewaySettings, lifecycle: Lifecycle) -> AsyncIterator[Gateway]:
    """The application with its background work; the block ends when the last request has been answered."""
    routes = RouteTable()
    upstreams = {service: _upstream(service, settings) for service in Service}
    auth = upstreams[Service.AUTH]

    async def fetch(url: str) -> bytes:
        return await auth.get(urlsplit(url).path)

    auth_url = str(settings.auth_url).rstrip("/")
    keys = PublishedKeys(f"{auth_url}/.well-known/jwks.json", fetch)
    revoked = RevokedSessions(f"{auth_url}/.well-known/revoked-sessions", fetch)
    redis = _redis(str(settings.redis_url))
    rates = RateLimits(RedisCounts(redis, settings.limits_prefix))
    tracing = Tracing(settings.trace_sample_ratio, settings.otlp_endpoint, settings.spans_dir)
    access_log = AccessLog()
    gateway = Gateway(
        routes=routes,
        pages=Pages(lifecycle=lifecycle, keys=keys, upstreams=upstreams, openapi=MergedOpenApi(routes, upstreams)),
        verifier=TokenVerifier(keys, revoked, issuer=settings.token_issuer),
        rates=rates,
        limits=_limits(settings),
        upstreams=upstreams,
        addresses=ClientAddresses(settings.trusted_proxies),
        cors=Cors(settings.cors_origins, localhost=settings.environment == "development"),
        bodies=BodyLimits(usual=settings.max_body_bytes, webhook=settings.max_webhook_bytes),
        deadlines=Deadlines(first_byte=settings.first_byte_seconds, total=settings.total_seconds),
        tracing=tracing,
        access_log=access_log,
        trace_on_request=settings.environment != "production",
    )
    background = [
        asyncio.create_task(keep_fresh(keys, revoked)),
        asyncio.create_task(rates.run()),
        asyncio.create_task(_sweep(list(upstreams.values()))),
    ]
    try:
        yield gateway
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        for upstream in upstreams.values():
            upstream.close()
        await redis.aclose()
        access_log.flush()
        await tracing.stop()


def connection_factory(settings: GatewaySettings, lifecycle: Lifecycle) -> "partial[ClientConnection]":
    """What uvicorn makes for each client that connects."""
    policy = ConnectionPolicy(
        max_connections=settings.max_connections,
        max_head_bytes=settings.max_head_bytes,
        max_headers=settings.max_headers,
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds,
        body_bytes_per_second=settings.body_bytes_per_second,
        stalled_seconds=settings.stalled_seconds,
        keep_alive_seconds=settings.keep_alive_seconds,
    )
    return partial(ClientConnection, policy=policy, lifecycle=lifecycle)


def _upstream(service: Service, settings: GatewaySettings) -> Upstream:
    policy = AdmissionPolicy(
        min_in_flight=settings.min_in_flight,
        max_in_flight=settings.max_in_flight,
        max_waiting=settings.max_waiting,
        latency_goal=settings.latency_goal_seconds,
        burst=settings.burst_seconds,
        overload_wait=settings.overload_wait_seconds,
        longest_wait=settings.longest_wait_seconds,
    )
    breaker = AsyncBreaker(
        str(service),
        fail_max=settings.breaker_failures,
        reset_timeout=settings.breaker_reset_seconds,
        is_failure=lambda error: isinstance(error, UpstreamError),
    )
    return Upstream(
        str(service),
        str(getattr(settings, f"{service}_url")),
        Admission(policy),
        breaker,
        connect_seconds=settings.connect_seconds,
        idle_seconds=settings.idle_connection_seconds,
    )


def _limits(settings: GatewaySettings) -> Limits:
    return Limits(
        login=Limit("login-ip", settings.login_per_ip),
        webhook=Limit("webhook-ip", settings.webhook_per_ip),
        user=Limit("user", settings.per_user),
        clinic=Limit("clinic", settings.per_clinic),
        anonymous=Limit("anonymous-ip", settings.anonymous_per_ip),
    )


def _redis(url: str) -> Redis:
    """Answers in time or not at all: counting goes on without it."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=8,
        timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis(connection_pool=pool)


async def _sweep(upstreams: list[Upstream]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        for upstream in upstreams:
            upstream.sweep(loop.time())
