"""Every form a field must have is told in words and with an example: what people read who sent another form."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from libs.common.errors import Problem
from services.registry.domain import errors
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


async def test_a_plus_that_was_not_encoded(clinic: Clinic) -> None:
    patient = await clinic.register()
    found = await clinic.call("GET", f"/patients?phone={patient['phone']}")
    assert [item["id"] for item in found.body["items"]] == [patient["id"]]
    refused = await clinic.call("GET", "/patients?phone=+14155552671")
    assert refused.status == 422
    assert "%2B" in refused.body["errors"][0]["detail"]
    assert (await clinic.call("GET", "/patients?phone=%2B14155552671")).status == 200


_ANSWERS = {
    ("post", "/patients"): "phone_not_verified clinic_unknown patient_unknown patient_inactive family_too_large "
    "demographics_invalid",
    ("get", "/patients"): "search_too_broad",
    ("get", "/patients/mine"): "",
    ("get", "/patients/{patient_id}"): "patient_unknown",
    ("patch", "/patients/{patient_id}"): "patient_unknown patient_inactive phone_not_verified demographics_invalid",
    ("post", "/patients/{patient_id}/deactivate"): "patient_unknown patient_inactive",
    ("post", "/patients/{patient_id}/reactivate"): "patient_unknown",
    ("get", "/patients/{patient_id}/family"): "patient_unknown",
    ("post", "/patients/{patient_id}/guardians"): "patient_unknown patient_inactive family_too_large "
    "demographics_invalid",
    ("delete", "/patients/{patient_id}/guardians/{entry_id}"): "patient_unknown guardian_unknown",
    ("post", "/patients/{patient_id}/consents"): "patient_unknown patient_inactive",
    ("get", "/patients/{patient_id}/consents"): "patient_unknown",
    ("post", "/consents/{consent_id}/withdraw"): "consent_unknown consent_superseded",
    ("get", "/internal/patients/{patient_id}/access"): "patient_unknown",
    ("get", "/internal/accounts/{account_id}/patients"): "",
    ("get", "/internal/patients/{patient_id}/contact"): "patient_unknown not_for_this_service",
}


async def test_every_route_tells_with_which_codes_it_answers(clinic: Clinic) -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]
    own = {kind.code for kind in kinds if kind.__module__ == errors.__name__}
    told = {}
    for path, operations in clinic.service.app.openapi()["paths"].items():
        for method, operation in operations.items():
            described = str([answer["description"] for answer in operation["responses"].values()])
            told[method, path] = own & set(re.findall(r"`(\w+)`", described))
    expected = {route: set(codes.split()) for route, codes in _ANSWERS.items()}
    assert {route: codes for route, codes in told.items() if codes or route in expected} == expected
