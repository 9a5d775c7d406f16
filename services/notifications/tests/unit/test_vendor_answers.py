"""What vendors' answers mean: the line between "not taken" and "nobody knows" is where double messages come from."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from libs.common.resilience.http_client import OutboundClient
from services.notifications.adapters.sms import Sms
from services.notifications.adapters.whatsapp import WhatsApp
from services.notifications.domain.letter import Letter
from services.notifications.domain.outcome import Result
from services.notifications.domain.purposes import Channel

LETTER = Letter(Channel.SMS, "+919876543210", "ntf_1", "1107", "en", "hello", ("hello",))


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient("vendor", "http://vendor.test", attempts=1)
    yield client
    await client.close()


def _answering(client: OutboundClient, answer: httpx.Response | Exception) -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    client._http = httpx.AsyncClient(base_url="http://vendor.test", transport=httpx.MockTransport(handle))


def _graph(status: int, code: int) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "..."}})


def _gateway(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"status": "rejected", "code": code, "description": "..."})


@pytest.mark.parametrize(
    ("answer", "result", "code"),
    [
        (httpx.Response(200, json={"messages": [{"id": "wamid.1"}]}), Result.ACCEPTED, None),
        (httpx.Response(200, text="?"), Result.UNANSWERED, "no_answer"),
        (httpx.Response(302, json={"messages": [{"id": "wamid.1"}]}), Result.UNANSWERED, "no_answer"),
        (_graph(400, 131026), Result.REFUSED, "whatsapp_131026"),
        (_graph(401, 190), Result.REFUSED, "whatsapp_190"),
        (_graph(429, 130429), Result.FAILED, "whatsapp_130429"),
        (_graph(500, 131000), Result.FAILED, "whatsapp_131000"),
        (_graph(503, 2), Result.FAILED, "whatsapp_2"),
        (httpx.Response(502, text="<html>"), Result.UNANSWERED, "no_answer"),
        (httpx.Response(504, text=""), Result.UNANSWERED, "no_answer"),
        (httpx.Response(404, text="<html>"), Result.REFUSED, "http_404"),
        (httpx.ConnectError("refused"), Result.FAILED, "not_reached"),
        (httpx.ReadTimeout("slow"), Result.UNANSWERED, "no_answer"),
        (httpx.RemoteProtocolError("gone"), Result.UNANSWERED, "no_answer"),
    ],
)
async def test_whatsapp(client: OutboundClient, answer: Any, result: Result, code: str | None) -> None:
    _answering(client, answer)
    whatsapp = WhatsApp(client, version="v21.0", phone_number_id="1", token="t")
    outcome = await whatsapp.send(LETTER)
    assert (outcome.result, outcome.code) == (result, code)


@pytest.mark.parametrize(
    ("letter", "buttons"),
    [
        (LETTER, []),
        (
            replace(LETTER, copied_code="482913"),
            [{"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "482913"}]}],
        ),
    ],
)
async def test_a_login_code_goes_to_whatsapp_twice_for_the_text_and_for_the_button(
    client: OutboundClient, letter: Letter, buttons: list[dict[str, Any]]
) -> None:
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"messages": [{"id": "wamid.1"}]})

    client._http = httpx.AsyncClient(base_url="http://vendor.test", transport=httpx.MockTransport(handle))
    await WhatsApp(client, version="v21.0", phone_number_id="1", token="t").send(letter)
    components = json.loads(sent[0].content)["template"]["components"]
    assert components == [{"type": "body", "parameters": [{"type": "text", "text": "hello"}]}, *buttons]


@pytest.mark.parametrize(
    ("answer", "result", "code"),
    [
        (httpx.Response(200, json={"requestId": "r1", "status": "accepted"}), Result.ACCEPTED, None),
        (_gateway(400, "DLT_TEMPLATE_MISMATCH"), Result.REFUSED, "sms_dlt_template_mismatch"),
        (_gateway(409, "CLIENT_REF_REUSED"), Result.UNANSWERED, "sms_already_taken"),
        (_gateway(503, "SERVICE_UNAVAILABLE"), Result.FAILED, "sms_service_unavailable"),
        (httpx.Response(503, text="<html>"), Result.UNANSWERED, "no_answer"),
        (httpx.Response(429, text=""), Result.FAILED, "http_429"),
    ],
)
async def test_sms(client: OutboundClient, answer: Any, result: Result, code: str | None) -> None:
    _answering(client, answer)
    sms = Sms(client, api_key="k", sender="CLINIC", principal_entity_id="1101")
    outcome = await sms.send(LETTER)
    assert (outcome.result, outcome.code) == (result, code)


@pytest.mark.parametrize(("named", "seconds"), [("17", 17), ("9" * 400, 365 * 24 * 3600), ("soon", None)])
async def test_a_vendor_that_names_a_time_is_understood(
    client: OutboundClient, named: str, seconds: int | None
) -> None:
    answer = _graph(429, 131056)
    answer.headers["Retry-After"] = named
    _answering(client, answer)
    outcome = await WhatsApp(client, version="v21.0", phone_number_id="1", token="t").send(LETTER)
    assert (outcome.result, outcome.retry_after) == (Result.FAILED, seconds)


async def test_an_outage_of_the_gateway_answers_no_question(client: OutboundClient) -> None:
    sms = Sms(client, api_key="k", sender="CLINIC", principal_entity_id="1101")
    _answering(client, httpx.ConnectError("refused"))
    assert await sms.ask("ntf_1") is None
    _answering(client, _gateway(401, "AUTH_FAILED"))
    assert await sms.ask("ntf_1") is None
    _answering(client, _gateway(404, "REQUEST_UNKNOWN"))
    answer = await sms.ask("ntf_1")
    assert answer is not None
    assert answer.receipt is None
