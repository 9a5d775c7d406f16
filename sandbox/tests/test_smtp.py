"""The mail server, over a real socket."""

import asyncio
import smtplib
from email.message import EmailMessage

import httpx
import pytest

from sandbox.tests.builders import until
from sandbox.world import World


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Demo Clinic <hello@demo.clinic>"
    message["To"] = "Asha <Asha@Example.in>"
    message["Subject"] = "Ihre Quittung: ₹ 500"
    message["X-Template"] = "payment_receipt"
    message.set_content("नमस्ते Asha")
    message.add_alternative("<p>not this</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="receipt.pdf")
    return message


async def send(world: World, message: EmailMessage, *to: str) -> None:
    def over_the_wire() -> None:
        with smtplib.SMTP("127.0.0.1", world.smtp_port, timeout=5) as server:
            server.send_message(message, "hello@demo.clinic", to or ["asha@example.in"])

    await asyncio.to_thread(over_the_wire)


async def test_a_mail_is_shown_to_every_recipient(world: World, client: httpx.AsyncClient) -> None:
    await send(world, mail(), "Asha@Example.in", "ravi@example.in")
    items = (await client.get("/messages", params={"channel": "email"})).json()["items"]
    assert {item["to"] for item in items} == {"asha@example.in", "ravi@example.in"}
    assert items[0]["body"] == "नमस्ते Asha"
    assert items[0]["template"] == "payment_receipt"
    assert items[0]["subject"] == "Ihre Quittung: ₹ 500"
    assert items[0]["note"] == "Attached: receipt.pdf"
    found = (await client.get("/messages", params={"to": "ASHA@example.in"})).json()["items"]
    assert len(found) == 1


async def test_an_unknown_charset_and_an_empty_mail_are_taken(world: World, client: httpx.AsyncClient) -> None:
    odd = EmailMessage()
    odd["Content-Type"] = "text/plain; charset=klingon"
    odd.set_payload("hello")
    await send(world, odd)
    await send(world, EmailMessage())
    items = (await client.get("/messages")).json()["items"]
    assert [item["body"] for item in items] == ["", "hello"]


@pytest.mark.parametrize(("mode", "code"), [("down", 421), ("flaky", 451), ("reject", 550)])
async def test_faults_are_smtp_replies(world: World, client: httpx.AsyncClient, mode: str, code: int) -> None:
    await client.post("/faults", json={"provider": "smtp", "mode": mode})
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        await send(world, mail())
    assert refused.value.smtp_code == code
    assert (await client.get("/messages")).json() == {"items": []}
    if mode == "flaky":
        await send(world, mail())
        assert len((await client.get("/messages")).json()["items"]) == 1


@pytest.mark.parametrize(("mode", "arrived"), [("hang", 0), ("lost", 1)])
async def test_no_reply_ever_comes(world: World, client: httpx.AsyncClient, mode: str, arrived: int) -> None:
    await client.post("/faults", json={"provider": "smtp", "mode": mode, "count": 1})

    def impatient() -> None:
        with smtplib.SMTP("127.0.0.1", world.smtp_port, timeout=0.3) as server:
            server.send_message(mail(), "hello@demo.clinic", ["asha@example.in"])

    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        await asyncio.to_thread(impatient)
    await until(lambda: len(world.messages.listed()) == arrived)
    await send(world, mail())
    assert len(world.messages.listed()) == arrived + 1
