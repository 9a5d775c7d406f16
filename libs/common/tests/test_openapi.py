"""What the OpenAPI document of a service says beyond FastAPI's own."""

from typing import Any

import pytest

from libs.common.testing.service_under_test import ServiceUnderTest


@pytest.fixture
async def paths(service: ServiceUnderTest) -> dict[str, Any]:
    return dict((await service.call("GET", "/openapi.json")).body["paths"])


async def test_operations_are_called_as_their_functions_are(paths: dict[str, Any]) -> None:
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert sorted(ids) == ["away", "broken", "burn", "post_notes", "read_note", "read_notes"]


async def test_a_key_that_is_needed_is_a_required_header_with_its_form(paths: dict[str, Any]) -> None:
    [key] = [header for header in paths["/notes"]["post"]["parameters"] if header["in"] == "header"]
    assert (key["name"], key["required"]) == ("Idempotency-Key", True)
    assert key["schema"].items() >= {"type": "string", "maxLength": 255, "pattern": "^[!-~]+$"}.items()


async def test_a_key_that_may_be_left_out_is_not_required(paths: dict[str, Any]) -> None:
    [key] = [header for header in paths["/burn"]["post"]["parameters"] if header["in"] == "header"]
    assert (key["name"], key["required"]) == ("Idempotency-Key", False)


async def test_headers_of_answers_are_told(service: ServiceUnderTest, paths: dict[str, Any]) -> None:
    told = {status: set(answer["headers"]) for status, answer in paths["/notes/{note_id}"]["get"]["responses"].items()}
    assert told["200"] == {"X-Request-ID", "ETag"}
    assert told["404"] == {"X-Request-ID"}
    assert told["429"] == told["503"] == {"X-Request-ID", "Retry-After"}
    assert set(paths["/notes"]["get"]["responses"]["200"]["headers"]) == {"X-Request-ID"}
    declared = (await service.call("GET", "/openapi.json")).body["components"]["headers"]
    assert set(declared) == {"X-Request-ID", "Retry-After", "ETag"}
