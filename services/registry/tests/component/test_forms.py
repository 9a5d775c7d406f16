"""Every form a field must have is told in words and with an example: what people read who sent another form."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.registry.tests.builders import Clinic


def _with_a_pattern(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield where, node
        for name, child in node.items():
            yield from _with_a_pattern(child, f"{where}/{name}")
    elif isinstance(node, list):
        for position, child in enumerate(node):
            yield from _with_a_pattern(child, f"{where}/{position}")


async def test_every_pattern_has_a_description_and_an_example(clinic: Clinic) -> None:
    found = dict(_with_a_pattern(clinic.service.app.openapi()))
    assert len(found) > 20
    untold = [where for where, node in found.items() if not (node.get("description") and node.get("examples"))]
    assert untold == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "Asha\x07Rao"}, "text on one line, without control characters"),
        ({"email": "asha"}, "an email address"),
        ({"abha_number": "12345678901234"}, "such as 12-3456-7890-1234"),
        ({"language": "Hindi"}, "such as hi"),
    ],
)
async def test_what_has_another_form_is_told_in_words(clinic: Clinic, body: dict[str, Any], words: str) -> None:
    refused = await clinic.try_to_register(**body)
    assert refused.status == 422
    assert words in refused.body["errors"][0]["detail"]
