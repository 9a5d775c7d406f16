"""Every form a field must have is told in words and with an example: what people read who sent another form."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.auth.tests.builders import Auth


def _with_a_pattern(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield where, node
        for name, child in node.items():
            yield from _with_a_pattern(child, f"{where}/{name}")
    elif isinstance(node, list):
        for position, child in enumerate(node):
            yield from _with_a_pattern(child, f"{where}/{position}")


async def test_every_pattern_has_a_description_and_an_example(auth: Auth) -> None:
    found = dict(_with_a_pattern(auth.service.app.openapi()))
    assert len(found) > 10
    untold = [where for where, node in found.items() if not (node.get("description") and node.get("examples"))]
    assert untold == []


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/auth/otp/request", {"phone": "98123 45678", "language": "Hindi"}, "such as hi"),
        ("/auth/otp/verify", {"challenge_id": "otp_1", "code": "12345"}, "the six digits of the code"),
        ("/auth/login", {"email": "asha", "password": "x", "device": {"id": "d"}}, "an email address"),
        ("/auth/mfa/verify", {"mfa_token": "x", "code": "1234"}, "authenticator app"),
    ],
)
async def test_what_has_another_form_is_told_in_words(auth: Auth, path: str, body: dict[str, Any], words: str) -> None:
    refused = await auth.service.call("POST", path, json=body)
    assert refused.status == 422
    assert words in refused.body["errors"][0]["detail"]
