"""Patients log in with a code: what is guessed, resent, limited, and kept out of sight."""

import asyncio
from collections import Counter

import orjson
import pytest
from structlog.testing import capture_logs

from libs.common.ids import new_id
from libs.common.security.caller import system_caller
from libs.common.testing.clock import FrozenClock
from libs.common.testing.service_under_test import Answer
from services.auth.adapters.counters import Limit
from services.auth.adapters.limits import Limits
from services.auth.domain.errors import ResendTooEarly, TooManyAttempts
from services.auth.domain.otp_challenge import GUESSES, OtpChallenge
from services.auth.tests.builders import Auth, a_phone
from services.auth.use_cases.request_otp import RequestOtp, request_otp


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_a_right_code_is_a_token_for_the_account_and_nothing_more(auth: Auth) -> None:
    phone = a_phone()
    requested = await auth.request_otp(phone, device={"id": "p1", "name": "Asha's phone"})
    assert (requested.status, requested.body["expires_in"], requested.body["resend_in"]) == (202, 300, 30)
    challenge = requested.body["challenge_id"]
    verified = await auth.verify_otp(challenge, await auth.code_for(challenge))
    assert set(verified.body) == {"access_token", "token_type", "expires_in"}
    assert verified.body["expires_in"] == 86400
    me = await auth.service.call("GET", "/auth/me", token=verified.body["access_token"])
    assert (me.body["kind"], me.body["role"], me.body["clinic_id"]) == ("account", "patient", None)
    assert me.body["id"].startswith("acc_")
    again = await auth.service.call("GET", "/auth/me", token=await auth.patient_token(phone))
    assert again.body["id"] == me.body["id"]


async def test_known_and_unknown_numbers_look_alike(auth: Auth) -> None:
    known, unknown = a_phone(), a_phone()
    await auth.patient_token(known)
    first, second = await auth.request_otp(known), await auth.request_otp(unknown)
    assert first.status == second.status == 202
    assert {**first.body, "challenge_id": ""} == {**second.body, "challenge_id": ""}
    assert set(first.headers) == set(second.headers)


async def test_of_200_parallel_guesses_five_are_evaluated(auth: Auth) -> None:
    challenge = (await auth.request_otp(a_phone())).body["challenge_id"]
    code = await auth.code_for(challenge)
    answers = await asyncio.gather(*(auth.verify_otp(challenge, wrong(code)) for _ in range(200)))
    codes = Counter(answer.code for answer in answers)
    assert codes == {"otp_wrong": GUESSES, "otp_exhausted": 200 - GUESSES}
    assert sorted(a.body["attempts_left"] for a in answers if a.code == "otp_wrong") == [0, 1, 2, 3, 4]
    stored = await auth.runtime.db["otp_challenges"].find_one({"_id": challenge})
    assert stored is not None
    assert stored["guesses"] == GUESSES
    right = await auth.verify_otp(challenge, code)
    assert (right.status, right.code) == (401, "otp_exhausted")


async def test_a_right_code_opens_one_session_however_often_it_comes(auth: Auth) -> None:
    challenge = (await auth.request_otp(a_phone())).body["challenge_id"]
    code = await auth.code_for(challenge)
    answers = await asyncio.gather(*(auth.verify_otp(challenge, code) for _ in range(20)))
    assert Counter(answer.status for answer in answers) == {200: 1, 401: 19}
    later = await auth.verify_otp(challenge, code)
    assert (later.status, later.code) == (401, "otp_expired")


async def test_codes_expire_and_unknown_challenges_look_expired(auth: Auth, clock: FrozenClock) -> None:
    challenge = (await auth.request_otp(a_phone())).body["challenge_id"]
    code = await auth.code_for(challenge)
    clock.advance(minutes=5)
    assert (await auth.verify_otp(challenge, code)).code == "otp_expired"
    assert (await auth.verify_otp(challenge, wrong(code))).code == "otp_expired"
    assert (await auth.verify_otp("otp_01jd2v7xk4e5ta3m3w2x0v6h7c", code)).code == "otp_expired"


async def test_resending_waits_longer_each_time(auth: Auth, clock: FrozenClock) -> None:
    phone = a_phone()
    for gap in (30, 60, 120, 120):
        sent = await auth.request_otp(phone)
        assert (sent.status, sent.body["resend_in"]) == (202, gap)
        clock.advance(seconds=gap - 1)
        early = await auth.request_otp(phone)
        assert (early.status, early.code) == (429, "resend_too_early")
        assert early.headers["Retry-After"] == "1"
        clock.advance(seconds=1)


async def test_a_used_code_frees_the_way_for_the_next(auth: Auth) -> None:
    phone = a_phone()
    for _ in range(12):
        await auth.patient_token(phone)
    assert (await auth.request_otp(phone)).body["resend_in"] == 30


async def test_of_parallel_requests_for_one_phone_one_is_sent(auth: Auth) -> None:
    account = new_id("acc")

    def command() -> RequestOtp:
        sealed = {"phone": "sealed", "code": "sealed", "code_digest": "digest", "language": "en"}
        return RequestOtp(challenge_id=new_id("otp"), account_id=account, **sealed)

    outcomes = await asyncio.gather(
        *(auth.runtime.transact(request_otp, command(), by=system_caller("auth", None)) for _ in range(20)),
        return_exceptions=True,
    )
    assert Counter(type(outcome) for outcome in outcomes) == {OtpChallenge: 1, ResendTooEarly: 19}


@pytest.mark.usefixtures("fresh_window")
async def test_a_phone_gets_twenty_codes_an_hour_used_or_not(auth: Auth, clock: FrozenClock) -> None:
    phone = a_phone()
    for _ in range(18):
        await auth.patient_token(phone)
    for _ in range(2):
        assert (await auth.request_otp(phone)).status == 202
        clock.advance(minutes=5)
    refused = await auth.request_otp(phone)
    assert (refused.status, refused.code) == (429, "too_many_attempts")
    assert int(refused.headers["Retry-After"]) <= 3000
    assert (await auth.request_otp(a_phone())).status == 202


async def test_who_may_not_ask_counts_against_no_phone(auth: Auth) -> None:
    limits = _limits(auth, otp_per_address_per_hour=1, otp_per_phone_per_hour=2)
    stranger, phone = new_id("adr"), new_id("acc")
    await _ask(limits, new_id("acc"), stranger)
    for _ in range(5):
        with pytest.raises(TooManyAttempts):
            await _ask(limits, phone, stranger)
    for _ in range(2):
        await _ask(limits, phone, new_id("adr"))


async def test_a_phone_that_had_its_codes_spends_nothing_of_its_address(auth: Auth) -> None:
    limits = _limits(auth, otp_per_address_per_hour=2, otp_per_phone_per_hour=1)
    address, phone = new_id("adr"), new_id("acc")
    await _ask(limits, phone, address)
    for _ in range(5):
        with pytest.raises(TooManyAttempts):
            await _ask(limits, phone, address)
    await _ask(limits, new_id("acc"), address)


@pytest.mark.usefixtures("fresh_window")
async def test_of_a_burst_for_one_phone_only_what_is_sent_counts(auth: Auth, clock: FrozenClock) -> None:
    phone = a_phone()
    answers = await asyncio.gather(*(auth.request_otp(phone) for _ in range(30)))
    assert Counter(answer.status for answer in answers) == {202: 1, 429: 29}
    clock.advance(minutes=5)
    for _ in range(19):
        await auth.patient_token(phone)
    assert (await auth.request_otp(phone)).code == "too_many_attempts"


def _limits(auth: Auth, **settings: int) -> Limits:
    return Limits(auth.runtime.counters, auth.runtime.settings.model_copy(update=settings))


async def _ask(limits: Limits, account_id: str, address: str) -> None:
    async with limits.otp_request(account_id, address):
        pass


async def test_a_budget_that_runs_out_is_said_once_for_each_mark(auth: Auth) -> None:
    counters = _Counting()
    limits = Limits(counters, auth.runtime.settings.model_copy(update={"otp_messages_per_day": 10}))  # type: ignore[arg-type]
    with capture_logs() as logs:
        for _ in range(10):
            await _ask(limits, new_id("acc"), "10.0.0.1")
    assert [(log["count"], log["state"]) for log in logs] == [(5, "50 %"), (8, "80 %")]


class _Counting:
    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    async def take(self, limit: Limit, _key: str) -> int:
        self._taken[limit.name] += 1
        return self._taken[limit.name]


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("5012345678", "phone_not_supported"),
        ("not a number", "phone_invalid"),
        ("+91", "invalid_request"),
        ("+14155550123", "phone_not_supported"),
        ("+915012345678", "phone_not_supported"),
        ("+9198123456789", "phone_not_supported"),
        ("+91" + "9" * 40, "invalid_request"),
    ],
)
async def test_only_indian_mobiles_get_codes(auth: Auth, phone: str, code: str) -> None:
    refused = await auth.request_otp(phone)
    assert (refused.status, refused.code) == (422, code)
    assert refused.body["errors"][0]["pointer"] == "/phone"


async def test_however_a_number_is_typed_it_names_the_same_account(auth: Auth) -> None:
    phone = a_phone()
    await auth.request_otp(phone)
    for typed in (f"{phone[:3]} {phone[3:8]}-{phone[8:]}", phone[3:], f"0{phone[3:]}", f"{phone[3:8]}-{phone[8:]}"):
        assert (await auth.request_otp(typed)).code == "resend_too_early"


async def test_only_notifications_is_told_code_and_phone_and_only_while_it_is_good(auth: Auth) -> None:
    phone = a_phone()
    challenge = (await auth.request_otp(phone, language="hi")).body["challenge_id"]
    told = await auth.delivery(challenge)
    assert (told.body["phone"], told.body["language"], len(told.body["code"])) == (phone, "hi", 6)
    other = await auth.delivery(challenge, as_service="scheduling")
    assert (other.status, other.code) == (404, "challenge_unknown")
    await auth.verify_otp(challenge, told.body["code"])
    assert (await auth.delivery(challenge)).status == 404


async def test_a_code_that_was_held_up_is_not_told_after_a_newer_one(auth: Auth, clock: FrozenClock) -> None:
    phone = a_phone()
    older = (await auth.request_otp(phone)).body["challenge_id"]
    clock.advance(seconds=30)
    newer = (await auth.request_otp(phone)).body["challenge_id"]
    assert (await auth.delivery(older)).status == 404
    assert (await auth.delivery(newer)).status == 200


async def test_phone_and_code_are_readable_nowhere(auth: Auth) -> None:
    phone = a_phone()
    challenge = (await auth.request_otp(phone)).body["challenge_id"]
    code = await auth.code_for(challenge)
    stored = await auth.runtime.db["otp_challenges"].find_one({"_id": challenge})
    assert stored is not None
    [event] = [e for e in await auth.service.announced("OTP_REQUESTED") if e.aggregate.id == challenge]
    assert event.clinic_id is None
    text = orjson.dumps({key: value for key, value in stored.items() if key != "outbox"}, default=str).decode()
    names = [name async for name in auth.runtime.redis.scan_iter(f"{auth.runtime.db.name}:*")]
    for seen in (text, event.model_dump_json(), "".join(names)):
        assert phone not in seen
        assert phone[3:] not in seen
        assert f'"{code}"' not in seen


async def test_a_malformed_guess_is_refused_without_being_counted(auth: Auth) -> None:
    challenge = (await auth.request_otp(a_phone())).body["challenge_id"]
    refused: list[Answer] = [
        await auth.verify_otp(challenge, code) for code in ("12345", "1234567", "abcdef", "\u0661\u0662\u0663456", "")
    ]
    assert {answer.status for answer in refused} == {422}
    stored = await auth.runtime.db["otp_challenges"].find_one({"_id": challenge})
    assert stored is not None
    assert stored["guesses"] == 0
