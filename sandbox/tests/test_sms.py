"""The SMS look-alike: DLT rules, harmless repeats, receipts and status questions."""

import hashlib
import hmac
from typing import Any

import httpx
import pytest

from sandbox.settings import SandboxSettings
from sandbox.sms.dlt import DltTemplate
from sandbox.tests.builders import ASHA, OTP_TEMPLATE, SMS_AUTH, Clinic, Clock, sms, until


async def register(client: httpx.AsyncClient, body: str, **more: Any) -> None:
    template = {"body": body, "category": "service_implicit", **more}
    (await client.put(f"/sms/templates/{OTP_TEMPLATE}", json=template)).raise_for_status()


@pytest.fixture(autouse=True)
async def _registered(client: httpx.AsyncClient) -> None:
    await register(client, "Your code is {#var#}.")


async def send(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    return await client.post("/sms/send", json=body, headers=SMS_AUTH)


async def test_a_message_is_accepted_shown_delivered_and_reported(client: httpx.AsyncClient, clinic: Clinic) -> None:
    answer = await send(client, sms())
    assert answer.status_code == 200
    request_id = answer.json()["requestId"]
    assert answer.json() == {"requestId": request_id, "status": "accepted"}

    await until(lambda: len(clinic.calls) == 1)
    path, headers, body = clinic.calls[0]
    digest = hmac.new(b"sandbox-sms-webhook-secret", body, hashlib.sha256).hexdigest()
    assert (path, headers["x-signature"]) == ("/webhooks/sms", f"sha256={digest}")
    receipt = clinic.payloads("/webhooks/sms")[0]
    assert (receipt["requestId"], receipt["number"], receipt["status"]) == (request_id, ASHA, "DELIVERED")
    assert {"description", "at"} <= set(receipt)
    item = (await client.get("/messages", params={"to": ASHA, "channel": "sms"})).json()["items"][0]
    assert (item["id"], item["body"], item["template"]) == (request_id, "Your code is 123456.", OTP_TEMPLATE)
    assert item["at"] == "2026-11-24T06:30:00Z"


async def test_a_phone_that_is_off_gets_a_failed_receipt(client: httpx.AsyncClient, clinic: Clinic) -> None:
    await client.put(f"/phones/{ASHA}", json={"sms": False})
    await send(client, sms())
    await until(lambda: len(clinic.calls) == 1)
    assert clinic.payloads("/webhooks/sms")[0]["status"] == "FAILED"


async def test_the_same_client_ref_sends_once(client: httpx.AsyncClient) -> None:
    first = await send(client, sms(clientRef="ntf_1"))
    again = await send(client, sms(clientRef="ntf_1"))
    assert first.json() == again.json()
    assert len((await client.get("/messages")).json()["items"]) == 1
    other = await send(client, sms("Your code is 999999.", clientRef="ntf_1"))
    assert (other.status_code, other.json()["code"]) == (409, "CLIENT_REF_REUSED")


async def test_the_status_can_be_asked_by_either_id(client: httpx.AsyncClient, clinic: Clinic) -> None:
    request_id = (await send(client, sms(clientRef="ntf_1"))).json()["requestId"]
    await until(lambda: len(clinic.calls) == 1)
    by_id = await client.get(f"/sms/status/{request_id}", headers=SMS_AUTH)
    by_ref = await client.get("/sms/status", params={"clientRef": "ntf_1"}, headers=SMS_AUTH)
    assert by_id.json() == by_ref.json()
    assert by_id.json()["status"] == "DELIVERED"
    unknown = await client.get("/sms/status", params={"clientRef": "ntf_2"}, headers=SMS_AUTH)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "REQUEST_UNKNOWN")
    assert (await client.get(f"/sms/status/{request_id}")).status_code == 401


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dltTemplateId": "110700000000009"}, "DLT_TEMPLATE_UNKNOWN"),
        ({"dltTemplateId": "1107"}, "DLT_TEMPLATE_ID_INVALID"),
        ({"dltTemplateId": "1" * 20}, "DLT_TEMPLATE_ID_INVALID"),
        ({"body": "Your code is 123456"}, "DLT_TEMPLATE_MISMATCH"),
        ({"body": "your code is 123456."}, "DLT_TEMPLATE_MISMATCH"),
        ({"body": "Your code is ."}, "DLT_TEMPLATE_MISMATCH"),
        ({"body": f"Your code is {'1' * 31}."}, "DLT_TEMPLATE_MISMATCH"),
        ({"sender": "CLINI"}, "DLT_HEADER_INVALID"),
        ({"sender": "CLIN1C"}, "DLT_HEADER_INVALID"),
        ({"to": "9876543210"}, "NUMBER_INVALID"),
        ({"principalEntityId": ""}, "INVALID_REQUEST"),
        ({"to": None}, "INVALID_REQUEST"),
    ],
)
async def test_a_message_that_breaks_a_rule_is_rejected(
    client: httpx.AsyncClient, change: dict[str, Any], code: str
) -> None:
    answer = await send(client, sms(**change))
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (400, "rejected", code)
    assert (await client.get("/messages")).json() == {"items": []}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
async def test_bytes_that_are_no_message(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/sms/send", content=content, headers=SMS_AUTH)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "wrong"}])
async def test_without_the_key_the_answer_is_401(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/sms/send", json=sms(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED")


@pytest.mark.parametrize(
    ("hour", "minute", "accepted"), [(9, 59, False), (10, 0, True), (20, 59, True), (21, 0, False)]
)
@pytest.mark.parametrize("category", ["promotional", "service_explicit"])
async def test_advertising_goes_out_in_the_daytime_of_india_only(
    client: httpx.AsyncClient, clock: Clock, category: str, hour: int, minute: int, accepted: bool
) -> None:
    clock.move(hours=hour - 12, minutes=minute)
    await register(client, "Eye camp on {#var#}", category=category)
    answer = await send(client, sms("Eye camp on Sunday"))
    assert (answer.status_code == 200) is accepted
    assert accepted or answer.json()["code"] == "DLT_TIME_WINDOW"
    await register(client, "Your code is {#var#}.", category="transactional")
    assert (await send(client, sms())).status_code == 200


async def test_links_in_variables_must_be_whitelisted(client: httpx.AsyncClient) -> None:
    link = sms("Join https://tele.example/abc now, help at https://clinic.example")
    await register(client, "Join {#var#} now, help at https://clinic.example")
    assert (await send(client, link)).json()["code"] == "DLT_URL_NOT_WHITELISTED"
    await register(client, "Join {#var#} now, help at https://clinic.example", urls=["https://tele.example/"])
    assert (await send(client, link)).status_code == 200


def test_many_adjacent_variables_match_quickly() -> None:
    template = DltTemplate.model_validate({"body": "{#var#}" * 60 + "x", "category": "transactional"})
    with pytest.raises(Exception, match="DLT_TEMPLATE_MISMATCH"):
        template.check("a" * 900, Clock().at)


async def test_a_template_id_that_is_none_cannot_be_registered(client: httpx.AsyncClient) -> None:
    answer = await client.put("/sms/templates/12", json={"body": "x", "category": "transactional"})
    assert (answer.status_code, answer.json()["code"]) == (400, "DLT_TEMPLATE_ID_INVALID")


def test_templates_can_be_known_from_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = '{"110700000000001": {"body": "Hi {#var#}", "category": "transactional"}}'
    file = tmp_path_factory.mktemp("sms") / "templates.json"
    file.write_text(text)
    for value in (text, str(file)):
        monkeypatch.setenv("SMS_TEMPLATES", value)
        assert SandboxSettings().sms_templates["110700000000001"].body == "Hi {#var#}"
