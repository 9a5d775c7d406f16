"""The WhatsApp look-alike: Graph's shapes, the 24 hours' window, limits, templates and status webhooks."""

import hashlib
import hmac
from typing import Any

import httpx
import pytest

from sandbox.sms.dlt import Category, DltTemplate
from sandbox.sms.gateway import TEMPLATES_KEPT
from sandbox.tests.builders import ASHA, WHATSAPP, WHATSAPP_AUTH, Clinic, Clock, template, text, until
from sandbox.whatsapp.templates import KEPT, TemplateText
from sandbox.world import World


async def send(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    return await client.post(WHATSAPP, json=body, headers=WHATSAPP_AUTH)


def error(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= set(body)
    return body


async def shown(client: httpx.AsyncClient) -> str:
    items = (await client.get("/messages", params={"to": ASHA})).json()["items"]
    return str(items[0]["body"])


async def test_a_template_is_accepted_shown_and_reported_as_sent_delivered_read(
    client: httpx.AsyncClient, clinic: Clinic
) -> None:
    answer = await send(client, template("Asha, 10:30", biz_opaque_callback_data="ntf_1"))
    assert answer.status_code == 200
    body = answer.json()
    assert body["contacts"] == [{"input": ASHA, "wa_id": "919876543210"}]
    message_id = body["messages"][0]["id"]
    assert message_id.startswith("wamid.")

    await until(lambda: len(clinic.statuses()) == 3)
    statuses = clinic.statuses()
    assert {status["status"] for status in statuses} == {"sent", "delivered", "read"}
    assert {status["id"] for status in statuses} == {message_id}
    assert {status["recipient_id"] for status in statuses} == {"919876543210"}
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"ntf_1"}
    item = (await client.get("/messages", params={"to": ASHA, "channel": "whatsapp"})).json()["items"][0]
    assert (item["id"], item["template"], item["status"]) == (message_id, "note", "read")
    assert item["body"] == "Asha, 10:30"


async def test_webhooks_are_signed_over_the_raw_body(client: httpx.AsyncClient, clinic: Clinic) -> None:
    await send(client, template("आशा"))
    await until(lambda: len(clinic.calls) == 3)
    for _, headers, body in clinic.calls:
        digest = hmac.new(b"sandbox-whatsapp-app-secret", body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={digest}"


async def test_a_refused_webhook_comes_again_and_is_given_up_in_the_end(
    client: httpx.AsyncClient, clinic: Clinic, world: World
) -> None:
    clinic.refusals = 2
    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "hello"})
    await until(lambda: len(clinic.calls) == 3)
    assert len({body for _, _, body in clinic.calls}) == 1

    clinic.refusals = 100
    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "again"})
    await until(lambda: world.webhooks.tally.given_up == 1)
    assert len(clinic.calls) == 7
    tally = (await client.get("/feed")).json()["webhooks"]
    assert (tally["delivered"], tally["given_up"], tally["pending"]) == (1, 1, 0)
    assert tally["last_problem"] == "/webhooks/whatsapp: HTTP 503"


async def test_a_registered_template_reads_as_it_will_on_the_phone(client: httpx.AsyncClient) -> None:
    path = "/whatsapp/templates/appointment_confirmed/en"
    assert (await client.put(path, json={"body": "Hello {{1}}, see you at {{2}}, {{1}}."})).status_code == 200
    await send(client, template("Asha", "10:30", name="appointment_confirmed"))
    assert await shown(client) == "Hello Asha, see you at 10:30, Asha."

    wrong_count = await send(client, template("Asha", name="appointment_confirmed"))
    assert (wrong_count.status_code, error(wrong_count)["code"]) == (400, 132000)


async def test_a_template_that_is_not_approved_in_that_language_is_a_404(client: httpx.AsyncClient) -> None:
    hindi = template("Asha")
    hindi["template"]["language"]["code"] = "hi"
    for unknown in (hindi, template("Asha", name="nobodys")):
        answer = await send(client, unknown)
        assert (answer.status_code, error(answer)["code"]) == (404, 132001)
    assert (await client.get("/messages")).json() == {"items": []}


async def test_the_newest_templates_are_kept(world: World) -> None:
    for number in range(KEPT + 5):
        world.whatsapp.templates.register(f"text_{number}", "en", TemplateText(body="hello"))
        world.sms.register(f"{number:012}", DltTemplate(body="hello", category=Category.TRANSACTIONAL))
    assert len(world.whatsapp.templates._texts) == KEPT
    assert len(world.sms._templates) == TEMPLATES_KEPT


@pytest.mark.parametrize("path", ["Hello/en", "a%20b/en", "hello/english", f"{'a' * 513}/en"])
async def test_no_template_has_such_a_name(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.put(f"/whatsapp/templates/{path}", json={"body": "hello"})).status_code == 422


async def test_a_login_code_comes_with_a_button_that_copies_it(client: httpx.AsyncClient, clock: Clock) -> None:
    text = {"body": "{{1}} is your verification code.", "category": "authentication"}
    await client.put("/whatsapp/templates/login_code/en", json=text)
    body = template("482913", name="login_code")
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "482913"}]}
    body["template"]["components"].append(button)
    assert (await send(client, body)).status_code == 200
    assert await shown(client) == "482913 is your verification code."
    for wrong in ({"sub_type": "quick_reply"}, {"index": 1}, {"parameters": [{"type": "text", "text": "999999"}]}):
        clock.move(seconds=6)
        body["template"]["components"][1] = button | wrong
        answer = await send(client, body)
        assert (answer.status_code, error(answer)["code"]) == (400, 131008)
    assert error(await send(client, template("482913", name="login_code", to="+919812345678")))["code"] == 131008


async def test_named_values_and_a_value_that_looks_like_a_placeholder(client: httpx.AsyncClient) -> None:
    await client.put("/whatsapp/templates/hello/en", json={"body": "Hello {{patient}} of {{place}}"})
    body = template(name="hello")
    body["template"]["components"][0]["parameters"] = [
        {"type": "text", "parameter_name": "place", "text": "Pune"},
        {"type": "text", "parameter_name": "patient", "text": "{{place}}"},
    ]
    await send(client, body)
    assert await shown(client) == "Hello {{place}} of Pune"


async def test_values_of_buttons_are_shown_too(client: httpx.AsyncClient) -> None:
    body = template("Asha")
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "inv-42"}]}
    body["template"]["components"].append(button)
    await send(client, body)
    assert (await shown(client)).splitlines() == ["Asha", "inv-42"]


async def test_free_text_needs_an_open_window(client: httpx.AsyncClient, clock: Clock) -> None:
    closed = await send(client, text("hello"))
    assert (closed.status_code, error(closed)["code"]) == (400, 131047)
    assert error(closed)["error_data"]["details"]

    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "hi"})
    clock.move(hours=23, minutes=59)
    assert (await send(client, text("hello"))).status_code == 200
    clock.move(minutes=2)
    assert error(await send(client, text("hello")))["code"] == 131047


async def test_an_incoming_text_reaches_the_clinic_and_is_no_message_of_the_clinics(
    client: httpx.AsyncClient, clinic: Clinic
) -> None:
    assert (await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "hi"})).status_code == 201
    await until(lambda: len(clinic.calls) == 1)
    value = clinic.payloads("/webhooks/whatsapp")[0]["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["phone_number_id"] == "106540352242922"
    assert value["messages"][0]["from"] == "919876543210"
    assert value["messages"][0]["text"] == {"body": "hi"}
    assert (await client.get("/messages")).json() == {"items": []}
    assert [message["direction"] for message in (await client.get("/feed")).json()["messages"]] == ["in"]


async def test_a_phone_without_whatsapp_fails_after_it_was_accepted(client: httpx.AsyncClient, clinic: Clinic) -> None:
    await client.put(f"/phones/{ASHA}", json={"whatsapp": False})
    assert (await send(client, template("Asha"))).status_code == 200
    await until(lambda: len(clinic.statuses()) == 1)
    status = clinic.statuses()[0]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131026)


async def test_many_messages_to_one_person_hit_the_pair_limit(client: httpx.AsyncClient, clock: Clock) -> None:
    answers = [await send(client, template("x")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert error(answers[3])["code"] == 131056
    assert (await send(client, template("x", to="+919812345678"))).status_code == 200
    clock.move(seconds=6)
    assert (await send(client, template("x"))).status_code == 200


async def test_many_messages_in_a_second_hit_the_throughput_limit(client: httpx.AsyncClient, clock: Clock) -> None:
    answers = [await send(client, template("x", to=f"+9198000{n:05d}")) for n in range(81)]
    assert [answer.status_code for answer in answers] == [200] * 80 + [429]
    assert error(answers[80])["code"] == 130429
    clock.move(seconds=1)
    assert (await send(client, template("x"))).status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, 104), ({"Authorization": "Basic abc"}, 104), ({"Authorization": "Bearer wrong"}, 190)],
)
async def test_without_the_token_the_answer_is_401(
    client: httpx.AsyncClient, headers: dict[str, str], code: int
) -> None:
    answer = await client.post(WHATSAPP, json=template("x"), headers=headers)
    assert (answer.status_code, error(answer)["code"], error(answer)["type"]) == (401, code, "OAuthException")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": "12"}, 131009),
        ({"to": "asha@example.in"}, 131009),
        ({"to": "call 98765 43210"}, 131009),
        ({"to": "+919876543210, +919812345678"}, 131009),
        ({"to": "09876543210"}, 131009),
        ({"to": "+1234567890123456"}, 131009),
        ({"to": "+९१९८७६५४३२१०"}, 131009),
        ({"to": "9" * 41}, 100),
        ({"messaging_product": "sms"}, 100),
        ({"type": "sticker"}, 100),
        ({"template": None}, 100),
        ({"template": {"name": "x"}}, 131008),
    ],
)
async def test_bad_input_is_answered_as_graph_does(
    client: httpx.AsyncClient, change: dict[str, Any], code: int
) -> None:
    answer = await send(client, template("x") | change)
    assert (answer.status_code, error(answer)["code"]) == (400, code)


@pytest.mark.parametrize("to", ["+91 98765-43210", "(+91) 98765.43210", "919876543210"])
async def test_a_number_may_be_written_as_people_do(client: httpx.AsyncClient, to: str) -> None:
    answer = await send(client, template("x", to=to))
    assert (answer.status_code, answer.json()["contacts"][0]["wa_id"]) == (200, "919876543210")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"to": NaN', b"[" * 5000])
async def test_bytes_that_are_no_message(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post(WHATSAPP, content=content, headers=WHATSAPP_AUTH)
    assert (answer.status_code, error(answer)["code"]) == (400, 100)


async def test_another_phone_number_id_is_unknown(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v21.0/1/messages", json=template("x"), headers=WHATSAPP_AUTH)
    assert (answer.status_code, error(answer)["type"]) == (400, "GraphMethodException")


async def test_the_handshake_holds_when_the_challenge_comes_back(client: httpx.AsyncClient, clinic: Clinic) -> None:
    assert (await client.post("/whatsapp/subscribe")).json() == {"success": True}
    clinic.challenge_answer = "something else"
    refused = await client.post("/whatsapp/subscribe")
    assert (refused.status_code, error(refused)["code"]) == (400, 2200)
