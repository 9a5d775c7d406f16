"""What Prometheus reads is there under the names people look for, at a bounded number of series."""

from prometheus_client.parser import text_string_to_metric_families

from libs.common.ids import new_id
from libs.common.telemetry import metrics


def scraped(name: str, **labels: str) -> float | None:
    """The value of one series on the metrics page."""
    for family in text_string_to_metric_families(metrics.render_metrics().decode()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


def test_requests_are_counted_and_timed_by_route() -> None:
    service = new_id("svc")
    for status in (200, 200, 500):
        metrics.observe_request(service, "/slots/{id}", "GET", status, 0.03)
    assert scraped("http_requests_total", service=service, route="/slots/{id}", method="GET", status="200") == 2
    assert scraped("http_requests_total", service=service, status="500") == 1
    assert scraped("http_request_duration_seconds_count", service=service) == 3
    assert scraped("http_request_duration_seconds_bucket", service=service, le="0.025") == 0
    assert scraped("http_request_duration_seconds_bucket", service=service, le="0.05") == 3


def test_invented_methods_make_no_series_of_their_own() -> None:
    service = new_id("svc")
    for number in range(50):
        metrics.observe_request(service, "/slots", f"HACK{number}", 405, 0.001)
    assert scraped("http_requests_total", service=service, method="OTHER") == 50


def test_a_service_declares_its_own_and_gets_the_same_one_again() -> None:
    for _ in range(2):
        metrics.counter("appointments_created", "x", "source").labels("portal").inc()
    metrics.histogram("booking_latency_ms", "x").observe(12)
    metrics.gauge("waiting_patients", "x").set(4)
    assert scraped("appointments_created_total", source="portal") == 2
    assert scraped("booking_latency_ms_bucket", le="10.0") == 0
    assert scraped("booking_latency_ms_bucket", le="25.0") == 1
    assert scraped("waiting_patients") == 4


def test_queues_and_the_outbox_have_their_gauges() -> None:
    metrics.QUEUE_LENGTH.labels("billing.inbox").set(7)
    metrics.OUTBOX_LAG.set(1.5)
    metrics.OUTBOX_PENDING.set(3)
    assert scraped("queue_length", queue="billing.inbox") == 7
    assert scraped("outbox_lag_seconds") == 1.5
    assert scraped("outbox_pending") == 3
