"""Sessions: refresh tokens turn and give thieves away, and what has ended is refused."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from libs.common.testing.clock import FrozenClock
from services.auth.tests.builders import Auth, Clinic, a_phone


async def test_each_refresh_brings_the_next_token(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    seen = {token}
    for _ in range(4):
        answer = await auth.refresh(token)
        assert (answer.status, answer.body["expires_in"]) == (200, 900)
        token = answer.body["refresh_token"]
        seen.add(token)
    assert len(seen) == 5
    stored = str([row async for row in auth.runtime.db["sessions"].find({})])
    assert not any(token.split(".")[1] in stored for token in seen)


async def test_reuse_of_an_old_token_ends_the_family(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    tokens = await auth.tokens_of(await clinic.staff())
    second = (await auth.refresh(tokens["refresh_token"])).body
    third = (await auth.refresh(second["refresh_token"])).body
    reused = await auth.refresh(tokens["refresh_token"])
    assert (reused.status, reused.code) == (401, "refresh_token_reused")
    for stolen in (tokens, second, third):
        assert (await auth.refresh(stolen["refresh_token"])).code == "refresh_token_invalid"
        assert (await auth.service.call("GET", "/auth/me", token=stolen["access_token"])).status == 401
    session_id = tokens["refresh_token"].split(".")[0]
    listed = await auth.service.call("GET", "/.well-known/revoked-sessions")
    assert session_id in listed.body["sids"]
    events = [e for e in await auth.service.announced("TOKEN_REUSE_DETECTED") if e.aggregate.id == session_id]
    assert len(events) == 1
    assert events[0].clinic_id == clinic.id


async def test_used_again_at_once_it_ends_the_family_too(auth: Auth, clinic: Clinic) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    successor = (await auth.refresh(token)).body["refresh_token"]
    reused = await auth.refresh(token)
    assert (reused.status, reused.code) == (401, "refresh_token_reused")
    assert (await auth.refresh(successor)).code == "refresh_token_invalid"


async def test_a_lost_answer_is_given_again_for_ten_seconds(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    first = await auth.refresh(token, key="retry-1")
    clock.advance(seconds=10)
    again = await auth.refresh(token, key="retry-1")
    assert again.body["refresh_token"] == first.body["refresh_token"]
    assert (await auth.refresh(again.body["refresh_token"])).status == 200


async def test_after_ten_seconds_it_is_reuse(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    await auth.refresh(token, key="retry-1")
    clock.advance(seconds=11)
    assert (await auth.refresh(token, key="retry-1")).code == "refresh_token_reused"


@pytest.mark.parametrize("later", [{"key": "retry-2"}, {"key": None}, {"key": "retry-1", "client": "curl"}])
async def test_with_another_key_or_from_another_client_it_is_reuse(
    auth: Auth, clinic: Clinic, later: dict[str, Any]
) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    successor = (await auth.refresh(token, key="retry-1")).body["refresh_token"]
    assert (await auth.refresh(token, **later)).code == "refresh_token_reused"
    assert (await auth.refresh(successor)).code == "refresh_token_invalid"


async def test_a_key_that_comes_too_late_repeats_nothing(auth: Auth, clinic: Clinic) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    await auth.refresh(token)
    assert (await auth.refresh(token, key="retry-1")).code == "refresh_token_reused"


async def test_parallel_retries_get_one_successor(auth: Auth, clinic: Clinic) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    answers = await asyncio.gather(*(auth.refresh(token, key="retry-1") for _ in range(40)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["refresh_token"] for answer in answers}) == 1
    assert (await auth.refresh(answers[0].body["refresh_token"])).status == 200


async def test_made_up_tokens_end_nobodys_session(auth: Auth, clinic: Clinic) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    session_id, secret, tag = token.split(".")
    other_tag = "0" * len(tag)
    for made_up in (session_id, f"{session_id}.{secret}", f"{session_id}.{secret}.{other_tag}", f"{secret}.{tag}", "x"):
        assert (await auth.refresh(made_up)).code == "refresh_token_invalid"
    assert (await auth.refresh(token)).status == 200


async def test_an_unused_session_runs_out(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    clock.advance(days=3)
    assert (await auth.refresh(token)).code == "refresh_token_invalid"


async def test_a_used_session_runs_out_too(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    token = (await auth.tokens_of(await clinic.staff()))["refresh_token"]
    for _ in range(6):
        clock.advance(days=2)
        token = (await auth.refresh(token)).body["refresh_token"]
    clock.advance(days=2)
    assert (await auth.refresh(token)).code == "refresh_token_invalid"


async def test_logging_out_ends_everything_of_the_session(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    here, elsewhere = await auth.tokens_of(person), await auth.tokens_of(person)
    assert (await auth.service.call("POST", "/auth/logout", token=here["access_token"])).status == 204
    assert (await auth.service.call("GET", "/auth/me", token=here["access_token"])).status == 401
    assert (await auth.refresh(here["refresh_token"])).status == 401
    assert (await auth.service.call("GET", "/auth/me", token=elsewhere["access_token"])).status == 200


async def test_one_sees_and_ends_only_ones_own_sessions(auth: Auth, clinic: Clinic) -> None:
    person, other = await clinic.staff(), await clinic.staff()
    tokens, others = await auth.tokens_of(person), await auth.tokens_of(other)
    await auth.tokens_of(person)
    listed = await auth.service.call("GET", "/auth/sessions", token=tokens["access_token"])
    assert Counter(item["current"] for item in listed.body["items"]) == {True: 1, False: 1}
    [there] = [item["id"] for item in listed.body["items"] if not item["current"]]
    refused = await auth.service.call("POST", f"/auth/sessions/{there}/revoke", token=others["access_token"])
    assert (refused.status, refused.code) == (404, "session_unknown")
    revoked = await auth.service.call("POST", f"/auth/sessions/{there}/revoke", token=tokens["access_token"])
    assert revoked.body["ended_at"] is not None
    listed = await auth.service.call("GET", "/auth/sessions", token=tokens["access_token"])
    assert [item["current"] for item in listed.body["items"]] == [True]


async def test_patients_have_sessions_too(auth: Auth) -> None:
    phone, stranger = a_phone(), await auth.patient_token(a_phone())
    first, second = await auth.patient_token(phone), await auth.patient_token(phone)
    listed = await auth.service.call("GET", "/auth/sessions", token=first)
    assert len(listed.body["items"]) == 2
    [own] = [item["id"] for item in listed.body["items"] if item["current"]]
    assert (await auth.service.call("POST", f"/auth/sessions/{own}/revoke", token=stranger)).status == 404
    assert (await auth.service.call("POST", "/auth/logout", token=first)).status == 204
    assert (await auth.service.call("GET", "/auth/me", token=first)).status == 401
    assert (await auth.service.call("GET", "/auth/me", token=second)).status == 200
    sids = (await auth.service.call("GET", "/.well-known/revoked-sessions")).body["sids"]
    assert own in sids


async def test_ended_sessions_are_listed_for_as_long_as_their_tokens_live(
    auth: Auth, clinic: Clinic, clock: FrozenClock
) -> None:
    staff, patient = (await auth.tokens_of(await clinic.staff()))["access_token"], await auth.patient_token(a_phone())
    for token in (staff, patient):
        await auth.service.call("POST", "/auth/logout", token=token)

    async def listed() -> int:
        return len((await auth.service.call("GET", "/.well-known/revoked-sessions")).body["sids"])

    before = await listed()
    clock.advance(minutes=17)
    between = await listed()
    clock.advance(hours=24)
    assert before > between > await listed() == 0


async def test_step_up_renews_the_proof_and_takes_the_second_factor(
    auth: Auth, clinic: Clinic, clock: FrozenClock
) -> None:
    tokens = await auth.tokens_of(clinic.admin)
    stale = clinic.token(sid=tokens["refresh_token"].split(".")[0], auth_time=int(clock.now().timestamp()) - 301)
    invite = {"email": "x@clinic.test", "name": "X", "role": "nurse"}
    refused = await auth.service.call("POST", "/staff", token=stale, json=invite)
    assert (refused.status, refused.code) == (403, "step_up_required")
    with_password = {"password": clinic.admin.password}
    answer = await auth.service.call("POST", "/auth/step-up", token=stale, json=with_password)
    assert (answer.status, answer.code) == (422, "mfa_code_required")
    code = {"code": auth.code_of(clinic.admin)}
    renewed = await auth.service.call("POST", "/auth/step-up", token=stale, json=code)
    assert renewed.status == 200
    again = await auth.service.call("POST", "/auth/step-up", token=stale, json=code)
    assert (again.status, again.code) == (401, "mfa_code_wrong")
    invited = await auth.service.call("POST", "/staff", token=renewed.body["access_token"], json=invite)
    assert invited.status == 201


async def test_step_up_with_a_password_for_those_without_a_second_factor(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    token = (await auth.tokens_of(person))["access_token"]
    wrong = await auth.service.call("POST", "/auth/step-up", token=token, json={"password": "not it"})
    assert (wrong.status, wrong.code) == (401, "credentials_wrong")
    right = await auth.service.call("POST", "/auth/step-up", token=token, json={"password": person.password})
    assert right.status == 200
    both = {"password": person.password, "code": "123456"}
    assert (await auth.service.call("POST", "/auth/step-up", token=token, json=both)).status == 422
