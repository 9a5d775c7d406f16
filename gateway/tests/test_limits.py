"""Limits: the arithmetic of the window, several gateways on one Redis, and life without it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.addresses import counted_as
from gateway.limits import MAX_WINDOWS, Key, Limit, RateLimits, RedisCounts
from gateway.problems import RateLimited
from gateway.tests.conftest import RunningGateway, Start
from libs.common.ids import new_id
from libs.common.testing.parts import RedisPart

TEN = Limit("ten", 10)


class Now:
    def __init__(self) -> None:
        self.seconds = 600.0

    def __call__(self) -> float:
        return self.seconds


class Nowhere:
    """Shared counts that are away."""

    async def add(self, news: Sequence[tuple[Key, int, int]]) -> list[tuple[int, int]]:
        raise ConnectionError


def _fill(limits: RateLimits, count: int, subject: str = "a") -> None:
    for _ in range(count):
        limits.count(TEN, subject)


def test_the_limit_is_the_limit() -> None:
    limits = RateLimits(Nowhere(), Now())
    _fill(limits, 10)
    with pytest.raises(RateLimited):
        limits.count(TEN, "a")
    limits.count(TEN, "b")
    limits.count(Limit("other", 1), "a")
    _fill_none = Limit("none", 0)
    for _ in range(100):
        limits.count(_fill_none, "a")


def test_the_window_slides() -> None:
    now = Now()
    limits = RateLimits(Nowhere(), now)
    _fill(limits, 10)
    now.seconds += 60  # the minute before still counts whole
    with pytest.raises(RateLimited):
        limits.count(TEN, "a")
    now.seconds += 30  # half of it has slid out
    _fill(limits, 5)
    with pytest.raises(RateLimited):
        limits.count(TEN, "a")
    now.seconds += 120
    _fill(limits, 10)


@pytest.mark.parametrize("at", [0.0, 0.5, 17.0, 59.9])
@pytest.mark.parametrize("used", [10, 0])
def test_retry_after_is_true(at: float, used: int) -> None:
    now = Now()
    limits = RateLimits(Nowhere(), now)
    if used == 0:  # the limit was reached a minute before
        _fill(limits, 10)
        now.seconds += 60
    now.seconds += at
    wait = 0
    for _ in range(20):
        try:
            limits.count(TEN, "a")
        except RateLimited as refused:
            wait = refused.retry_after or 0
            break
    assert wait >= 1
    now.seconds += wait - 1.01
    if wait > 1:
        with pytest.raises(RateLimited):
            limits.count(TEN, "a")
    now.seconds += 1.02
    limits.count(TEN, "a")


def test_memory_is_bounded() -> None:
    limits = RateLimits(Nowhere(), Now())
    for number in range(MAX_WINDOWS + 500):
        limits.count(TEN, str(number))
    assert len(limits._windows) == MAX_WINDOWS


async def test_gateways_count_together(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    prefix = f"{new_id('lim')}:"
    now = Now()
    one, two = (RateLimits(RedisCounts(redis, prefix), now) for _ in range(2))
    _fill(one, 6)
    await one.exchange([("ten", "a")])
    _fill(two, 4)
    await two.exchange([("ten", "a")])  # learns of the six
    with pytest.raises(RateLimited):
        two.count(TEN, "a")
    now.seconds += 60  # and a third one, new, learns of the minute before
    three = RateLimits(RedisCounts(redis, prefix), now)
    three.count(TEN, "a")
    await three.exchange([("ten", "a")])
    with pytest.raises(RateLimited):
        three.count(TEN, "a")
    await redis.aclose()


async def test_exact_limits_hold_over_gateways_that_race(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    prefix = f"{new_id('lim')}:"
    gateways = [RateLimits(RedisCounts(redis, prefix), Now()) for _ in range(4)]

    async def passes(limits: RateLimits) -> bool:
        try:
            await limits.count_exactly(TEN, "a")
        except RateLimited:
            return False
        return True

    passed = await asyncio.gather(*(passes(limits) for limits in gateways for _ in range(25)))
    assert 0 < sum(passed) <= 10
    await redis.aclose()


async def test_what_was_counted_without_redis_is_told_when_it_is_back(tmp_path: Path) -> None:
    now = Now()
    async with RedisPart(tmp_path) as part:
        redis = Redis.from_url(part.url, socket_timeout=0.2)
        limits = RateLimits(RedisCounts(redis, "x:"), now)
        part.kill()
        for _ in range(5):
            await limits.count_exactly(TEN, "a")
        await part.start()
        now.seconds += 2
        assert await limits.exchange([("ten", "a")])
        other = RateLimits(RedisCounts(redis, "x:"), now)
        other.count(TEN, "a")
        await other.exchange([("ten", "a")])
        _fill(other, 4)
        with pytest.raises(RateLimited):
            other.count(TEN, "a")
        await redis.aclose()


async def test_logins_are_limited_by_address(start: Start) -> None:
    gateway = await start(login_per_ip=5)
    for path in ("/auth/login", "/auth/otp/request", "/auth/otp/verify", "/auth/login", "/auth/mfa/verify"):
        assert (await gateway.client.post(path, json={})).status_code == 200
    refused = await gateway.client.post("/auth/login", json={})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    assert refused.headers["ratelimit-limit"] == "5"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"]
    assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).status_code == 200


async def test_users_clinics_and_strangers_are_limited_each(start: Start) -> None:
    gateway = await start(per_user=3, per_clinic=5, anonymous_per_ip=4)

    async def statuses(count: int, user: str, clinic: str) -> list[int]:
        headers = {"Authorization": f"Bearer {gateway.mint.staff('nurse', clinic, user_id=user)}"}
        return [(await gateway.client.get("/patients/1", headers=headers)).status_code for _ in range(count)]

    assert await statuses(4, "usr_a", "cln_1") == [200, 200, 200, 429]
    assert await statuses(3, "usr_b", "cln_1") == [200, 200, 429]
    assert await statuses(2, "usr_c", "cln_2") == [200, 200]
    assert [(await gateway.client.get("/patients/1")).status_code for _ in range(5)] == [401] * 4 + [429]


async def test_without_redis_limits_hold_and_work_goes_on(start: Start) -> None:
    gateway = await start(redis_url="redis://127.0.0.1:1/0", login_per_ip=3)
    statuses = [(await gateway.client.post("/auth/login", json={})).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).status_code == 200


async def test_a_frozen_redis_slows_nobody_for_long(start: Start, tmp_path: Path) -> None:
    async with RedisPart(tmp_path) as part:
        gateway: RunningGateway = await start(redis_url=part.url)
        part.freeze()
        loop = asyncio.get_running_loop()
        started = loop.time()
        for _ in range(10):
            assert (await gateway.client.post("/auth/login", json={})).status_code == 200
            assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).status_code == 200
        assert loop.time() - started < 4
        part.thaw()


def test_a_household_is_one_address() -> None:
    assert counted_as("2001:db8:1:2:3:4:5:6") == counted_as("2001:db8:1:2::1") == "2001:db8:1:2::"
    assert counted_as("203.0.113.9") == "203.0.113.9"
