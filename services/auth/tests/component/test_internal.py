"""What services ask of auth: tokens for their secrets, and who works where."""

from collections import Counter
from typing import Any

import pytest

from libs.common.security.tokens import TokenVerifier
from libs.common.testing.service_under_test import ServiceUnderTest
from services.auth.tests.builders import Clinic


async def _ask(running: ServiceUnderTest, **changes: str) -> tuple[int, dict[str, Any]]:
    body = {"service": "scheduling", "audience": "registry", "secret": "secret-of-scheduling", **changes}
    answer = await running.call("POST", "/internal/service-tokens", json=body)
    return answer.status, answer.body


async def test_a_service_gets_a_minutes_token_for_one_audience(service: ServiceUnderTest) -> None:
    status, body = await _ask(service)
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 60)
    runtime = service.runtime
    registry = TokenVerifier(
        runtime.keys, runtime.revocations, issuer=runtime.settings.token_issuer, service="registry"
    )
    claims = await registry.verify(body["access_token"])
    assert (claims.subject, claims.kind, claims.role) == ("svc:scheduling", "service", "system")
    assert (await service.call("GET", "/internal/staff/usr_none", token=body["access_token"])).status == 401


async def test_its_token_for_auth_opens_the_internal_api(service: ServiceUnderTest, clinic: Clinic) -> None:
    _, body = await _ask(service, audience="auth")
    answer = await service.call("GET", f"/internal/staff/{clinic.admin.id}", token=body["access_token"])
    assert answer.body == {
        "id": clinic.admin.id,
        "clinic_id": clinic.id,
        "role": "admin",
        "display_name": "Admin",
        "active": True,
        "seq": 1,
    }


@pytest.mark.usefixtures("fresh_window")
async def test_wrong_secrets_and_unknown_services_are_refused_and_slowed_down(service: ServiceUnderTest) -> None:
    unknown = await _ask(service, service="nobody", secret="anything")
    wrong = await _ask(service, secret="secret-of-registry")
    assert unknown[0] == wrong[0] == 401
    assert unknown[1]["code"] == wrong[1]["code"] == "service_secret_wrong"
    answers = [(await _ask(service, service="guessed", secret=f"guess-{n}"))[0] for n in range(35)]
    assert Counter(answers) == {401: 30, 429: 5}
    assert (await _ask(service))[0] == 200


async def test_a_service_without_a_secret_gets_nothing(service: ServiceUnderTest) -> None:
    assert (await _ask(service, secret=""))[0] == 422
