"""The OpenAPI document names the codes that auth's routes answer with."""

from typing import Any

import pytest

from libs.common.security.permissions import RequiredPermission, access_of
from libs.common.testing.service_under_test import ServiceUnderTest


def _operation(service: ServiceUnderTest, method: str, path: str) -> dict[str, Any]:
    operation: dict[str, Any] = service.app.openapi()["paths"][path][method.lower()]
    return operation


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/auth/login", 503, "too_many_logins"),
        ("POST", "/auth/mfa/verify", 409, "mfa_not_offered"),
        ("POST", "/auth/password/set", 503, "too_many_logins"),
        ("POST", "/auth/logout", 404, "session_unknown"),
        ("POST", "/auth/step-up", 401, "refresh_token_invalid"),
        ("GET", "/auth/me", 404, "staff_unknown"),
        ("GET", "/clinics/current", 404, "clinic_unknown"),
        ("GET", "/doctors", 404, "clinic_unknown"),
    ],
)
def test_a_route_names_its_codes(service: ServiceUnderTest, method: str, path: str, status: int, code: str) -> None:
    assert f"`{code}`" in _operation(service, method, path)["responses"][str(status)]["description"]


def test_what_needs_a_fresh_proof_says_so(service: ServiceUnderTest) -> None:
    for route in service.app.state.api_routes:
        access = access_of(route)[0]
        if isinstance(access, RequiredPermission) and access.permission.step_up:
            (method,) = route.methods
            described = _operation(service, method, route.path)["responses"]["403"]["description"]
            assert "`step_up_required`" in described, (method, route.path)


def test_what_takes_if_match_says_what_a_stale_one_comes_to(service: ServiceUnderTest) -> None:
    found = 0
    for path, item in service.app.openapi()["paths"].items():
        for operation in item.values():
            if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", [])):
                assert "`stale_version`" in operation["responses"]["412"]["description"], path
                found += 1
    assert found == 2
