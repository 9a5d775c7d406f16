"""The sandbox's own calls: the message list, the page's feed, readiness; and the page's files."""

import re

import httpx

from sandbox.app import PAGE
from sandbox.tests.builders import ASHA, WHATSAPP, WHATSAPP_AUTH, template, text
from sandbox.world import World


async def send(client: httpx.AsyncClient, value: str, to: str = ASHA) -> None:
    body = template(value, to=to)
    assert (await client.post(WHATSAPP, json=body, headers=WHATSAPP_AUTH)).status_code == 200


async def bodies(client: httpx.AsyncClient, query: str) -> list[str]:
    items = (await client.get(f"/messages{query}")).json()["items"]
    return [item["body"].splitlines()[-1] for item in items]


async def test_messages_are_newest_first_and_filtered(client: httpx.AsyncClient) -> None:
    await send(client, "one")
    await send(client, "two", "+919812345678")
    await send(client, "three")
    assert await bodies(client, "") == ["three", "two", "one"]
    assert await bodies(client, "?to=%2B919876543210") == ["three", "one"]
    assert await bodies(client, "?to=+919876543210&channel=whatsapp") == ["three", "one"]
    assert await bodies(client, "?channel=sms") == []
    assert await bodies(client, "?to=&channel=") == ["three", "two", "one"]
    assert (await client.get("/messages?channel=fax")).status_code == 422


async def test_an_item_has_the_fields_that_clients_rely_on(client: httpx.AsyncClient) -> None:
    await send(client, "one")
    item = (await client.get("/messages")).json()["items"][0]
    assert {"id", "channel", "to", "template", "body", "at"} <= set(item)
    assert (item["channel"], item["to"]) == ("whatsapp", ASHA)


async def test_only_the_newest_messages_are_kept(client: httpx.AsyncClient) -> None:
    for number in range(53):
        await send(client, str(number), f"+9198000{number:05d}")
    kept = await bodies(client, "")
    assert (len(kept), kept[0], kept[-1]) == (50, "52", "3")


async def test_the_feed_tells_only_what_changed(client: httpx.AsyncClient, world: World) -> None:
    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "one"})
    first = (await client.get("/feed")).json()
    position = {"epoch": first["epoch"], "after": first["revision"]}
    assert [message["body"] for message in first["messages"]] == ["one"]
    assert (await client.get("/feed", params=position)).json()["messages"] == []

    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "two"})
    news = (await client.get("/feed", params=position)).json()["messages"]
    assert [message["body"] for message in news] == ["two"]

    assert (await client.delete("/messages")).status_code == 204
    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "three"})
    afresh = (await client.get("/feed", params=position)).json()
    assert afresh["epoch"] != first["epoch"]
    assert [message["body"] for message in afresh["messages"]] == ["three"]
    assert (await client.get("/messages")).json() == {"items": []}


async def test_a_cleared_list_does_not_close_the_window(client: httpx.AsyncClient) -> None:
    await client.post("/whatsapp/incoming", json={"from": ASHA, "text": "one"})
    await client.delete("/messages")
    answer = await client.post(WHATSAPP, json=text("hello"), headers=WHATSAPP_AUTH)
    assert answer.status_code == 200


async def test_it_says_that_it_is_ready(client: httpx.AsyncClient, world: World) -> None:
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).json() == {"status": "ready", "smtp_port": world.smtp_port}


async def test_a_huge_body_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(WHATSAPP, content=b"x" * 300_000, headers=WHATSAPP_AUTH)
    assert answer.status_code == 413


async def test_the_page_is_served_and_may_run_nothing_but_itself(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for file in re.findall(r'(?:href|src)="(/page/[^"]+)"', page.text):
        assert (await client.get(file)).status_code == 200


def test_the_page_needs_no_other_host_and_never_takes_text_for_html() -> None:
    for file in PAGE.iterdir():
        content = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(src|href|url|from|import)\W{1,3}(https?:)?//", content), file
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", content), file
