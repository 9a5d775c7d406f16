"""The route table: what leads inside, and what does not."""

import pytest

from gateway.routes import Access, Rate, RouteTable, Service

TABLE = RouteTable()


@pytest.mark.parametrize(
    ("path", "service", "access"),
    [
        ("/auth/otp/request", Service.AUTH, Access.PUBLIC),
        ("/auth/password/set", Service.AUTH, Access.PUBLIC),
        ("/auth/devices/status", Service.AUTH, Access.OFFERED),
        ("/.well-known/jwks.json", Service.AUTH, Access.PUBLIC),
        ("/clinics", Service.AUTH, Access.OFFERED),
        ("/doctors", Service.AUTH, Access.BEARER),
        ("/patients", Service.REGISTRY, Access.BEARER),
        ("/patients/pat_1/consents", Service.REGISTRY, Access.BEARER),
        ("/slot-templates/x", Service.SCHEDULING, Access.BEARER),
        ("/queue", Service.SCHEDULING, Access.BEARER),
        ("/webhooks/sms", Service.NOTIFICATIONS, Access.WEBHOOK),
        ("/audit/verify", Service.AUDIT, Access.BEARER),
    ],
)
def test_a_path_leads_to_its_service(path: str, service: Service, access: Access) -> None:
    route = TABLE.match(path)
    assert route is not None
    assert (route.service, route.access) == (service, access)


@pytest.mark.parametrize(
    "path",
    [
        "/internal",
        "/internal/patients/pat_1/contact",
        "/.well-known/revoked-sessions",
        "/.well-known",
        "/metrics",
        "/patientsx",
        "/patient",
        "/webhooks/razorpay",
        "/%69nternal/x",
        "",
        "/",
        "patients",
    ],
)
def test_what_is_not_in_the_table_leads_nowhere(path: str) -> None:
    assert TABLE.match(path) is None


def test_guessing_is_counted_exactly() -> None:
    for path in ("/auth/otp/request", "/auth/otp/verify", "/auth/login", "/auth/mfa/verify", "/auth/password/set"):
        route = TABLE.match(path)
        assert route is not None
        assert route.rate is Rate.LOGIN
