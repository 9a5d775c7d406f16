"""What the app factory gives every service: declared access, problem documents, ids, limits."""

import time
from base64 import b64encode
from typing import Annotated

import pytest
from fastapi import APIRouter

from libs.common.errors import NotFound
from libs.common.ids import new_id
from libs.common.security.caller import Caller
from libs.common.security.permissions import requires
from libs.common.telemetry.logs import current_context
from libs.common.testing.service_under_test import ServiceUnderTest
from libs.common.tests.notebook import NOTE_READ, NOTE_WRITE
from libs.common.web.app import create_app


async def test_a_route_without_a_declared_access_fails_start_up(service: ServiceUnderTest) -> None:
    forgotten = APIRouter()

    @forgotten.get("/forgotten")
    async def endpoint() -> None: ...

    with pytest.raises(RuntimeError, match="declares 0 accesses"):
        create_app(service.runtime, title="T", description="", routers=[forgotten])


async def test_a_route_with_two_accesses_fails_start_up(service: ServiceUnderTest) -> None:
    unclear = APIRouter()

    @unclear.get("/unclear")
    async def endpoint(
        one: Annotated[Caller, requires(NOTE_READ)], other: Annotated[Caller, requires(NOTE_WRITE)]
    ) -> None: ...

    with pytest.raises(RuntimeError, match="declares 2 accesses"):
        create_app(service.runtime, title="T", description="", routers=[unclear])


async def test_no_token_no_answer(service: ServiceUnderTest) -> None:
    refused = await service.call("GET", "/notes")
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_role_that_is_not_in_the_table_is_refused(service: ServiceUnderTest) -> None:
    token = service.mint.staff("cleaner", new_id("cln"))
    refused = await service.call("GET", "/notes", token=token)
    assert (refused.status, refused.code) == (403, "forbidden")


async def test_identity_headers_from_outside_mean_nothing(service: ServiceUnderTest) -> None:
    claimed = {"X-User-Id": "usr_root", "X-Role": "writer", "X-Clinic-Id": "cln_all", "X-Forwarded-User": "root"}
    assert (await service.call("GET", "/notes", headers=claimed)).status == 401
    token = service.mint.staff("cleaner", new_id("cln"))
    assert (await service.call("GET", "/notes", token=token, headers=claimed)).status == 403


async def test_anothers_note_looks_like_a_missing_one(service: ServiceUnderTest) -> None:
    mine = service.mint.staff("writer", new_id("cln"))
    made = await service.call("POST", "/notes", token=mine, json={"titles": ["private"]}, key="new")
    theirs = service.mint.staff("writer", new_id("cln"))
    others = await service.call("GET", f"/notes/{made.body[0]['id']}", token=theirs)
    missing = await service.call("GET", f"/notes/{new_id('note')}", token=theirs)
    assert others.status == missing.status == 404
    assert {**others.body, "request_id": ""} == {**missing.body, "request_id": ""}


async def test_a_session_that_ended_ends_its_tokens(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"), sid="ses_ended")
    assert (await service.call("GET", "/notes", token=token)).status == 200
    service.keys.revoked.add("ses_ended")
    assert (await service.call("GET", "/notes", token=token)).status == 401


async def test_a_fresh_login_is_asked_for_where_declared(service: ServiceUnderTest) -> None:
    stale = service.mint.staff("writer", new_id("cln"), auth_time=int(time.time()) - 301)
    refused = await service.call("POST", "/burn", token=stale)
    assert (refused.status, refused.code) == (403, "step_up_required")
    fresh = service.mint.staff("writer", new_id("cln"))
    assert (await service.call("POST", "/burn", token=fresh)).status == 200


async def test_a_defect_is_answered_without_its_details(
    service: ServiceUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await service.call("GET", "/broken")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "Asha" not in str(answer.body)
    assert "ZeroDivision" not in str(answer.body)
    assert answer.body["request_id"] == answer.headers["x-request-id"]


async def test_the_log_line_of_a_refused_request_names_the_problem(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    logged = []
    for path in (f"/notes/{new_id('note')}", "/away", "/notes"):
        await service.call("GET", path, token=token)
        logged.append(current_context().get("code"))  # every log line of the request carries the context
    assert logged == ["note_unknown", "unavailable", None]


async def test_a_dependency_that_is_away_says_when_to_come_back(service: ServiceUnderTest) -> None:
    answer = await service.call("GET", "/away")
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{not json", 400, "bad_request"),
        (b'{"titles": ["a"], "role": "admin"}', 422, "invalid_request"),
        (b'{"titles": [{"$gt": ""}]}', 422, "invalid_request"),
        (b'{"titles": "a"}', 422, "invalid_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[" * 50_000, 400, "bad_request"),
        (b'{"titles": ["' + b"x" * 100_000 + b'"]}', 413, "payload_too_large"),
    ],
)
async def test_bad_input_is_told_what_is_wrong(service: ServiceUnderTest, body: bytes, status: int, code: str) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": new_id("k")}
    answer = await service.http.post("/notes", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 422:
        assert answer.json()["errors"][0]["pointer"].startswith("/")


async def test_a_body_that_hides_its_length_is_bounded_too(service: ServiceUnderTest) -> None:
    async def endless() -> object:
        for _ in range(300):
            yield b"x" * 10_000

    token = service.mint.staff("writer", new_id("cln"))
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id("k")}
    answer = await service.http.post("/notes", content=endless(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413


async def test_an_effect_needs_a_key(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    refused = await service.call("POST", "/notes", token=token, json={"titles": ["a"]})
    assert (refused.status, refused.code) == (400, "idempotency_key_required")


async def test_a_used_key_is_told_before_what_the_other_body_asks_for(service: ServiceUnderTest) -> None:
    token, key = service.mint.staff("writer", new_id("cln")), new_id("key")
    about_nobody = {"titles": ["b"], "about": "pat_nobody"}
    unknown = await service.call("POST", "/notes", token=token, json=about_nobody, key=new_id("key"))
    assert (unknown.status, unknown.code) == (404, "note_unknown")
    assert (await service.call("POST", "/notes", token=token, json={"titles": ["a"]}, key=key)).status == 201
    reused = await service.call("POST", "/notes", token=token, json=about_nobody, key=key)
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")


async def test_a_clients_request_id_is_kept_if_it_is_harmless(service: ServiceUnderTest) -> None:
    kept = await service.call("GET", "/away", headers={"X-Request-ID": "mobile-app-12345"})
    assert kept.body["request_id"] == kept.headers["x-request-id"] == "mobile-app-12345"
    replaced = await service.call("GET", "/away", headers={"X-Request-ID": 'x"}{"evil'})
    assert replaced.headers["x-request-id"].startswith("req_")


async def test_pages_hold_together_and_cursors_are_checked(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    titles = [f"t{number:02}" for number in range(7)]
    await service.call("POST", "/notes", token=token, json={"titles": titles}, key="new")
    seen, cursor = [], None
    while True:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = await service.call("GET", "/notes", token=token, params=query)
        seen += [note["title"] for note in page.body["items"]]
        cursor = page.body["next_cursor"]
        if cursor is None:
            break
    assert seen == titles
    times = ("2026-11-25T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
    no_such_times = [b64encode(f'[{{"t":"{moment}"}},"x"]'.encode()).decode().rstrip("=") for moment in times]
    for forged in ("garbage", "WzEsMl0", "eyJhIjoxfQ", "W3siJGd0IjoiIn0sImEiXQ", *no_such_times):
        assert (await service.call("GET", "/notes", token=token, params={"cursor": forged})).status == 400


async def test_many_errors_are_told_in_part(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    body = {"titles": ["a"], **{f"k{number}": 1 for number in range(500)}}
    answer = await service.call("POST", "/notes", token=token, json=body, key="new")
    assert answer.status == 422
    assert len(answer.body["errors"]) == 21
    assert answer.body["errors"][-1]["detail"] == "and 480 more"


async def test_a_pattern_is_told_in_words(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    answer = await service.call("POST", "/notes", token=token, json={"titles": ["a"], "colour": "red"}, key="new")
    assert answer.body["errors"] == [
        {"pointer": "/colour", "detail": "This is not in the right form: six hexadecimal digits, such as ff8800"}
    ]


async def test_what_only_looks_like_the_right_type_is_told_in_words(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    answer = await service.call("POST", "/notes", token=token, json={"titles": ["a"], "pinned": "yes"}, key="new")
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert answer.body["errors"] == [{"pointer": "/pinned", "detail": "Send true or false, without quotes"}]


async def test_what_is_not_json_is_told_so(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain", "Idempotency-Key": new_id("k")}
    answer = await service.http.post("/notes", content=b'{"titles": ["a"]}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_misspelt_filter_is_not_ignored(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    answer = await service.call("GET", "/notes", token=token, params={"titel": "a"})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/query/titel")
    assert "limit" in answer.body["errors"][0]["detail"]


async def test_a_slash_too_many_is_no_redirect(service: ServiceUnderTest) -> None:
    token = service.mint.staff("writer", new_id("cln"))
    assert (await service.call("GET", "/notes/", token=token)).status == 404


def test_a_problem_keeps_its_standard_members() -> None:
    with pytest.raises(ValueError, match="status"):
        NotFound(extra={"status": "CONFIRMED"})


async def test_a_wrong_method_is_told_which_there_are(service: ServiceUnderTest) -> None:
    answer = await service.http.put("/notes", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"
