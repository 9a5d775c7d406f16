"""The gateway's own pages: one OpenAPI document, the page that shows it without the internet, health, metrics."""

import re
from typing import Any

import pytest

from gateway.openapi import merged
from gateway.routes import RouteTable, Service
from gateway.tests.conftest import RunningGateway, Start, json_answer
from gateway.tests.stubs import StubService

PROBLEM = {"type": "object", "properties": {"code": {"type": "string"}}}


def _document(path: str, view: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/View"}
    operation = {
        "operationId": "read",
        "tags": ["own tag"],
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
    }
    for name in more:
        also = {"$ref": f"#/components/schemas/{name}"}
        operation["responses"][name] = {"content": {"application/json": {"schema": also}}}  # type: ignore[index]
    internal = {"responses": {"200": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "x", "description": f"About {path}"},
        "paths": {path: {"get": operation}, "/internal/secret": {"get": internal}, "/healthz": {"get": {}}},
        "components": {"schemas": {"View": view, "Problem": PROBLEM, **more}},
    }


def _merge() -> dict[str, Any]:
    nested = {"type": "array", "items": {"$ref": "#/components/schemas/View"}}
    return merged(
        {
            Service.REGISTRY: _document("/patients", {"type": "object", "title": "Patient"}, Page=nested),
            Service.SCHEDULING: _document("/slots", {"type": "object", "title": "Slot"}, Page=nested),
            Service.AUTH: _document("/auth/login", {"type": "object", "title": "Patient"}),
            Service.AUDIT: None,
        },
        RouteTable(),
    )


def test_only_what_is_routed_is_shown() -> None:
    whole = _merge()
    assert set(whole["paths"]) == {"/patients", "/slots", "/auth/login"}
    assert [group["name"] for group in whole["x-tagGroups"]] == ["registry", "scheduling", "auth"]
    assert "audit" in whole["info"]["description"]


def test_what_only_internal_paths_speak_of_is_not_shown() -> None:
    assert set(_merge()["components"]["schemas"]) == {"View", "SchedulingView", "Page", "SchedulingPage"}


def test_a_service_cannot_describe_anothers_paths() -> None:
    assert merged({Service.REGISTRY: _document("/slots", {})}, RouteTable())["paths"] == {}


def test_different_components_of_one_name_get_two() -> None:
    schemas = _merge()["components"]["schemas"]
    assert schemas["View"]["title"] == "Patient"
    assert schemas["SchedulingView"]["title"] == "Slot"
    assert "AuthView" not in schemas  # the same as the registry's
    assert "SchedulingProblem" not in schemas
    slots = _merge()["paths"]["/slots"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert slots == {"$ref": "#/components/schemas/SchedulingView"}


def test_what_reads_the_same_and_points_elsewhere_is_different() -> None:
    schemas = _merge()["components"]["schemas"]
    assert schemas["Page"]["items"] == {"$ref": "#/components/schemas/View"}
    assert schemas["SchedulingPage"]["items"] == {"$ref": "#/components/schemas/SchedulingView"}


def test_operations_are_grouped_by_service_and_resource() -> None:
    whole = _merge()
    assert whole["paths"]["/slots"]["get"]["tags"] == ["scheduling · own tag"]
    assert [tag["name"] for tag in whole["tags"]] == [tag for group in whole["x-tagGroups"] for tag in group["tags"]]
    assert {"name": "scheduling", "tags": ["scheduling · own tag"]} in whole["x-tagGroups"]
    document = _document("/audit/events", {})
    document["paths"]["/audit/events"]["get"]["tags"] = ["audit"]
    assert merged({Service.AUDIT: document}, RouteTable())["paths"]["/audit/events"]["get"]["tags"] == ["audit"]


def test_the_gateways_own_problems_stand_beside_the_services() -> None:
    responses = merged({Service.REGISTRY: _document("/patients", {}, **{"429": {"type": "object"}})}, RouteTable())[
        "paths"
    ]["/patients"]["get"]["responses"]
    assert "`overloaded`" in responses["503"]["description"]
    assert "`upstream_unavailable`" in responses["503"]["description"]
    assert "`gateway_timeout`" in responses["504"]["description"]
    assert "`rate_limited`" in responses["429"]["description"]
    assert responses["429"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/429"}}}


def test_operation_ids_are_unique_and_tokens_are_declared() -> None:
    paths = _merge()["paths"]
    ids = [item["get"]["operationId"] for item in paths.values()]
    assert ids == ["registry_read", "scheduling_read", "auth_read"]
    twice = _document("/patients", {})
    twice["paths"]["/consents"] = twice["paths"]["/patients"]
    again = merged({Service.REGISTRY: twice}, RouteTable())["paths"]
    assert [item["get"]["operationId"] for item in again.values()] == ["registry_read", "registry_read_2"]
    assert paths["/patients"]["get"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/auth/login"]["get"]


async def test_the_document_is_put_together_from_the_services(start: Start, service: StubService) -> None:
    service.answers["/openapi.json"] = json_answer(_document("/patients", {"type": "object"}))
    gateway = await start(scheduling_url="http://127.0.0.1:1")
    reply = await gateway.client.get("/openapi.json")
    assert reply.status_code == 200
    assert list(reply.json()["paths"]) == ["/patients"]
    assert "scheduling" in reply.json()["info"]["description"]
    again = await gateway.client.get("/openapi.json")
    assert again.json() == reply.json()
    assert len(service.for_path("/openapi.json")) == 4  # once for each service that answers, not twice


async def test_the_docs_page_needs_nothing_from_elsewhere(gateway: RunningGateway) -> None:
    home = await gateway.client.get("/")
    assert (home.status_code, home.headers["location"]) == (307, "/docs")
    page = await gateway.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert all(link.startswith("/") for link in links)
    for link in {link for link in links if link.startswith("/docs/")}:
        asset = await gateway.client.get(link)
        assert asset.status_code == 200
        assert int(asset.headers["content-length"]) == len(asset.content) > 100
    assert (await gateway.client.head("/docs")).content == b""


async def test_health_and_metrics(gateway: RunningGateway) -> None:
    await gateway.client.get("/patients/1", headers=gateway.bearer())
    assert (await gateway.client.get("/healthz")).status_code == 200
    ready = await gateway.client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert set(ready.json()["services"]) == {str(service) for service in Service}
    metrics = (await gateway.client.get("/metrics")).text
    labels = r'method="GET",route="/patients",service="gateway",status="200"'
    assert re.search(rf"http_requests_total\{{{labels}\}} [1-9]", metrics)
    assert 'gateway_in_flight{upstream="registry"} 0.0' in metrics
    assert 'breaker_state{breaker="registry"} 0.0' in metrics


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_own_pages_are_read_only(gateway: RunningGateway, method: str) -> None:
    refused = await gateway.client.request(method, "/docs")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/openapi.json", "/healthz", "/readyz", "/docs", "/docs/docs.js"])
async def test_own_pages_carry_what_every_answer_does(start: Start, path: str) -> None:
    gateway = await start(cors_origins=["https://app.clinic.example"])
    asked = {"Origin": "https://app.clinic.example", "X-Request-ID": "from-the-client"}
    for method in ("GET", "HEAD"):
        reply = await gateway.client.request(method, path, headers=asked)
        assert reply.headers["x-request-id"] == "from-the-client"
        assert reply.headers["access-control-allow-origin"] == "https://app.clinic.example"
        assert "X-Request-ID" in reply.headers["access-control-expose-headers"]
    preflight = await gateway.client.options(path, headers={**asked, "Access-Control-Request-Method": "GET"})
    assert (preflight.status_code, preflight.headers["x-request-id"]) == (204, "from-the-client")
