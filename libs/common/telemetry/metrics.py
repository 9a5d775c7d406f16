"""The numbers a process shows to Prometheus: requests per route, queues, the outbox, and a service's own.

A service declares its own where it uses them; this one is scraped as `appointments_created_total`:

    BOOKED = metrics.counter("appointments_created", "Appointments booked", "source")
    BOOKED.labels(source="portal").inc()
"""

from collections.abc import Sequence
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MILLISECONDS = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

METRICS_CONTENT_TYPE = CONTENT_TYPE_LATEST

HTTP_REQUESTS = Counter("http_requests", "HTTP requests answered", ("service", "route", "method", "status"))
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "From the first byte of a request to the last of its answer",
    ("service", "route", "method"),
    buckets=_SECONDS,
)
OUTBOUND_DURATION = Histogram(
    "outbound_request_duration_seconds",
    "One attempt at a request to another service or a vendor",
    ("upstream", "outcome"),
    buckets=_SECONDS,
)
QUEUE_LENGTH = Gauge("queue_length", "Messages ready in a queue", ("queue",))
OUTBOX_LAG = Gauge("outbox_lag_seconds", "Age of the oldest committed event that is not published")
OUTBOX_PENDING = Gauge("outbox_pending", "Documents with committed events that are not published")
BREAKER_STATE = Gauge("breaker_state", "0 closed, 1 half-open, 2 open", ("breaker",))
LOCK_DEGRADED = Counter("lock_degraded", "Work done without its Redis lock, because Redis was away or slow")
LOG_KEYS_DROPPED = Counter("log_keys_dropped", "Keys of log events that are not on the allow-list")


@lru_cache(maxsize=4096)
def _request_metrics(service: str, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return (
        HTTP_REQUESTS.labels(service, route, method, str(status)),
        HTTP_DURATION.labels(service, route, method),
    )


def observe_request(service: str, route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the template (`/slots/{id}`), never the path."""
    requests, duration = _request_metrics(service, route, method if method in _METHODS else "OTHER", status)
    requests.inc()
    duration.observe(seconds)


@lru_cache
def counter(name: str, description: str, *labels: str) -> Counter:
    """The counter of that name, scraped as `<name>_total`; asked for twice, it is the same one."""
    return Counter(name, description, labels)


@lru_cache
def gauge(name: str, description: str, *labels: str) -> Gauge:
    """The gauge of that name; asked for twice, it is the same one."""
    return Gauge(name, description, labels)


@lru_cache
def histogram(name: str, description: str, *labels: str, buckets: Sequence[float] = _MILLISECONDS) -> Histogram:
    """The histogram of that name, in milliseconds unless it has other `buckets`; always the same one."""
    return Histogram(name, description, labels, buckets=buckets)


def render_metrics() -> bytes:
    """The body of `/metrics`; its media type is `METRICS_CONTENT_TYPE`."""
    return generate_latest(REGISTRY)
