"""Property-based fuzz of every service's OpenAPI: no 5xx, nothing that the schema does not say."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from libs.common.ids import new_id
from tests.e2e.world import World
from tools.gateway_client import Gateway

SERVICES = ("auth", "registry", "scheduling", "notifications", "audit")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES_PER_OPERATION = 12
UNSAFE = ("/auth/logout", "/auth/sessions", "/auth/login", "/auth/otp", "/staff", "/auth/password", "/auth/mfa")
"""These end the very session that the fuzz runs on, or use up its limits; they are fuzzed without a token."""


@pytest.fixture(scope="module")
def admin(world: World, seeds: list[dict[str, Any]]) -> str:
    return Gateway(world.gateway, world.sandbox).login(seeds[1]["staff"]["admin"])


@pytest.mark.parametrize("service", SERVICES)
def test_no_5xx_and_no_schema_violation(world: World, admin: str, service: str) -> None:
    url = world.url_of(service)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    failures: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # an Err fails here
    for operation in operations:
        anonymous = any(operation.path.startswith(prefix) for prefix in UNSAFE)
        headers = {} if anonymous else {"Authorization": f"Bearer {admin}", "Idempotency-Key": new_id("key")}
        try:
            _fuzz(operation, url, headers)
        except Exception as failure:  # noqa: BLE001 - all of them are wanted, not only the first
            failures.append(f"{operation.method.upper()} {operation.path}: {failure}")
    assert len(operations) >= 3
    assert not failures, "\n\n".join(failures)


def _fuzz(operation: Any, url: str, headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def attempt(case: Any) -> None:
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS)

    attempt()
