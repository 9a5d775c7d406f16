"""Reports of vendors: signed or refused, repeated and out of order, and no slower than it takes to write them down."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from libs.common.testing.service_under_test import Answer
from services.notifications.adapters.signatures import SignedBy
from services.notifications.tests.builders import Desk
from services.notifications.tests.platform import SMS_SECRET, VERIFY_TOKEN, WHATSAPP_SECRET
from services.notifications.use_cases.ports import Due


def _signed(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def _post(desk: Desk, vendor: str, body: bytes, signature: str | None) -> Answer:
    header = {"whatsapp": b"X-Hub-Signature-256", "sms": b"X-Signature"}[vendor]
    headers = {header: signature.encode("latin-1")} if signature is not None else {}
    response = await desk.service.http.post(f"/webhooks/{vendor}", content=body, headers=headers)
    return Answer(response.status_code, response.json(), response.headers)


def _statuses(*statuses: tuple[str, str], **more: Any) -> bytes:
    reports = [{"id": message_id, "status": status, "timestamp": "1", **more} for message_id, status in statuses]
    return json.dumps({"entry": [{"changes": [{"value": {"statuses": reports}}]}]}).encode()


async def _whatsapp(desk: Desk, *statuses: tuple[str, str], **more: Any) -> Answer:
    body = _statuses(*statuses, **more)
    return await _post(desk, "whatsapp", body, _signed(body, WHATSAPP_SECRET))


async def _sent_on_whatsapp(desk: Desk) -> str:
    """A message the vendor has taken; the id it has there."""
    desk.loses_reports()
    await desk.books(desk.patient())
    await desk.sender.send_due_now()
    [row] = await desk.stored()
    assert row["status"] == "SENT"
    return str(row["attempts"][0]["provider_message_id"])


async def test_forged_webhooks_are_refused_and_change_nothing(desk: Desk) -> None:
    message_id = await _sent_on_whatsapp(desk)
    body = _statuses((message_id, "read"))
    other_bytes = _signed(body.replace(b" ", b""), WHATSAPP_SECRET)
    bare = _signed(body, WHATSAPP_SECRET).removeprefix("sha256=")
    for forged in (
        None,
        "",
        "sha256=",
        bare,
        _signed(body, "guess"),
        _signed(body, SMS_SECRET),
        other_bytes,
        "sha256=é",
    ):
        answer = await _post(desk, "whatsapp", body, forged)
        assert (answer.status, answer.code) == (401, "signature_invalid"), forged
    assert [row["status"] for row in await desk.stored()] == ["SENT"]
    receipt = json.dumps({"requestId": "x", "status": "DELIVERED"}).encode()
    assert (await _post(desk, "sms", receipt, _signed(receipt, WHATSAPP_SECRET))).status == 401


async def test_the_previous_secret_still_signs(desk: Desk) -> None:
    message_id = await _sent_on_whatsapp(desk)
    rotated = SignedBy(SecretStr("new"), SecretStr(WHATSAPP_SECRET), SecretStr(""))
    with patch.object(desk.runtime, "signed_by_whatsapp", rotated):
        assert (await _whatsapp(desk, (message_id, "delivered"))).body == {"known": 1, "ignored": 0}
        body = _statuses((message_id, "read"))
        assert (await _post(desk, "whatsapp", body, _signed(body, "new"))).status == 200
        assert (await _post(desk, "whatsapp", body, _signed(body, ""))).status == 401  # of a secret that is not set


async def test_reports_move_a_message_forward_only(desk: Desk) -> None:
    message_id = await _sent_on_whatsapp(desk)
    for status in ("read", "delivered", "sent", "read", "failed"):
        assert (await _whatsapp(desk, (message_id, status))).status == 200
    [row] = await desk.stored()
    assert row["status"] == "READ"
    assert [step["status"] for step in row["history"]] == ["QUEUED", "SENDING", "SENT", "READ"]
    assert len(await desk.service.announced("NOTIFICATION_READ")) == 1


async def test_each_step_of_the_way_is_announced_once(desk: Desk) -> None:
    message_id = await _sent_on_whatsapp(desk)
    for status in ("sent", "delivered", "delivered", "read"):
        await _whatsapp(desk, (message_id, status))
    announced = [event.type for event in await desk.service.announced() if event.type.startswith("NOTIFICATION_")]
    assert announced == ["NOTIFICATION_SENT", "NOTIFICATION_DELIVERED", "NOTIFICATION_READ"]


async def test_a_report_that_comes_before_we_wrote_down_the_id_is_understood_by_our_reference(desk: Desk) -> None:
    await desk.books(desk.patient())
    [row] = await desk.stored()
    due = Due(id=row["_id"], clinic_id=row["clinic_id"], lane=row["lane"])
    assert await desk.sender._dispatcher.claim(due) is not None
    answer = await _whatsapp(desk, ("wamid.early", "delivered"), biz_opaque_callback_data=row["_id"])
    assert answer.body == {"known": 1, "ignored": 0}
    [row] = await desk.stored()
    assert (row["status"], row["attempts"][0]["provider_message_id"]) == ("DELIVERED", "wamid.early")


async def _writes(desk: Desk, word: str, at: datetime, to: str = "919876543210") -> None:
    text = {"from": to, "id": "wamid.in", "timestamp": str(int(at.timestamp())), "type": "text", "text": {"body": word}}
    body = json.dumps({"entry": [{"changes": [{"value": {"messages": [text]}}]}]}).encode()
    assert (await _post(desk, "whatsapp", body, _signed(body, WHATSAPP_SECRET))).status == 200


@pytest.mark.parametrize(
    ("said", "out"),
    [
        ([("STOP", 20), ("START", 10)], True),
        ([("START", 20), ("STOP", 10)], False),
        ([("STOP", 10), ("STOP", 30), ("START", 20)], True),
        ([("STOP", 10), ("START", 20), ("STOP", 15)], False),
    ],
)
async def test_a_keyword_that_comes_late_does_not_undo_a_newer_one(
    desk: Desk, said: list[tuple[str, int]], out: bool
) -> None:
    patient, began = desk.patient(), desk.now - timedelta(minutes=1)
    for word, second in said:
        await _writes(desk, word, began + timedelta(seconds=second))
    shown = await desk.call("GET", f"/preferences/{patient}")
    assert ("whatsapp" in shown.body["opted_out"]) is out


async def test_a_keyword_from_before_does_not_undo_what_was_chosen_in_the_app(desk: Desk) -> None:
    patient = desk.patient()
    path = f"/preferences/{patient}"
    await desk.call("PUT", path, token=desk.account(), json={"opted_out": ["whatsapp"]})
    await _writes(desk, "START", desk.now - timedelta(minutes=1))
    assert "whatsapp" in (await desk.call("GET", path)).body["opted_out"]
    await _writes(desk, "START", desk.now + timedelta(days=9))  # by a clock that is wrong
    assert (await desk.call("GET", path)).body["opted_out"] == {}
    await _writes(desk, "STOP", desk.now)
    assert "whatsapp" in (await desk.call("GET", path)).body["opted_out"]


async def test_messages_of_others_are_thanked_for_and_ignored(desk: Desk) -> None:
    answer = await _whatsapp(desk, ("wamid.unknown", "delivered"), ("wamid.other", "read"))
    assert (answer.status, answer.body) == (200, {"known": 0, "ignored": 2})
    body = json.dumps({"requestId": "nobodys", "clientRef": "ntf_nobodys", "status": "DELIVERED"}).encode()
    answer = await _post(desk, "sms", body, _signed(body, SMS_SECRET))
    assert (answer.status, answer.body) == (200, {"known": 0, "ignored": 1})


async def test_what_is_signed_and_makes_no_sense_is_a_400(desk: Desk) -> None:
    for body in (b"", b"[]", b"{", b'{"entry": 1}', b"\xff"):
        assert (await _post(desk, "whatsapp", body, _signed(body, WHATSAPP_SECRET))).status == 400, body


async def test_the_handshake_echoes_the_challenge_to_who_knows_the_token(desk: Desk) -> None:
    params = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
    response = await desk.service.http.get("/webhooks/whatsapp", params=params)
    assert (response.status_code, response.text) == (200, "1158201444")
    wrong = await desk.service.http.get("/webhooks/whatsapp", params={**params, "hub.verify_token": "guess"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "verify_token_wrong")
    assert (await desk.sandbox.post("/whatsapp/subscribe")).json() == {"success": True}
