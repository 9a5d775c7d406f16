"""The breaker trips on failing coroutines, counts what it should, and lets exactly one trial through."""

import asyncio
from collections.abc import Callable

import pytest

from libs.common.resilience.breaker import AsyncBreaker, BreakerOpen
from libs.common.telemetry import metrics

RESET = 30.0


class Watch:
    """Time that stands still until the test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr("libs.common.resilience.breaker.monotonic", watch)
    return watch


def make(**more: object) -> AsyncBreaker:
    settings: dict[str, object] = {"fail_max": 3, "reset_timeout": RESET, **more}
    return AsyncBreaker("test", **settings)  # type: ignore[arg-type]


async def fail(breaker: AsyncBreaker, error: Callable[[], BaseException] = ConnectionError) -> None:
    with pytest.raises(type(error())):
        async with breaker.guard():
            raise error()


async def succeed(breaker: AsyncBreaker) -> None:
    async with breaker.guard():
        pass


async def opened(watch: Watch, **more: object) -> AsyncBreaker:
    breaker = make(**more)
    for _ in range(3):
        await fail(breaker)
    return breaker


async def test_failures_in_a_row_open_it_and_then_nothing_is_called(watch: Watch) -> None:
    breaker = await opened(watch)
    called = False
    with pytest.raises(BreakerOpen) as refused:
        async with breaker.guard():
            called = True
    assert not called
    assert breaker.state == "open"
    assert refused.value.retry_after == RESET


async def test_a_success_in_between_starts_the_count_anew(watch: Watch) -> None:
    breaker = make()
    for _ in range(5):
        await fail(breaker)
        await fail(breaker)
        await succeed(breaker)
    assert breaker.state == "closed"


async def test_errors_that_are_no_failures_count_as_answers(watch: Watch) -> None:
    breaker = make(is_failure=lambda error: not isinstance(error, LookupError))
    for _ in range(5):
        await fail(breaker)
        await fail(breaker)
        await fail(breaker, LookupError)
    assert breaker.state == "closed"


async def test_a_cancelled_call_counts_neither_as_failure_nor_as_success(watch: Watch) -> None:
    breaker = make()
    for _ in range(5):
        await fail(breaker, asyncio.CancelledError)
    assert breaker.state == "closed"
    await fail(breaker)
    await fail(breaker)
    await fail(breaker, asyncio.CancelledError)
    await fail(breaker)
    assert breaker.state == "open"


async def test_exactly_one_trial_goes_through_and_its_success_closes_it(watch: Watch) -> None:
    breaker = await opened(watch)
    watch.seconds += RESET - 1
    with pytest.raises(BreakerOpen):
        await succeed(breaker)
    watch.seconds += 1
    answer = asyncio.Event()
    called = refused = 0

    async def call() -> None:
        nonlocal called, refused
        try:
            async with breaker.guard():
                called += 1
                await answer.wait()
        except BreakerOpen:
            refused += 1
            if refused == 99:
                answer.set()

    async with asyncio.timeout(5):
        await asyncio.gather(*(call() for _ in range(100)))
    assert (called, refused) == (1, 99)
    assert breaker.state == "closed"


async def test_a_failed_trial_opens_it_for_another_period(watch: Watch) -> None:
    breaker = await opened(watch)
    watch.seconds += RESET
    await fail(breaker)
    assert breaker.state == "open"
    watch.seconds += RESET - 1
    with pytest.raises(BreakerOpen):
        await succeed(breaker)
    watch.seconds += 1
    await succeed(breaker)
    assert breaker.state == "closed"


async def test_a_cancelled_trial_leaves_the_trial_to_the_next(watch: Watch) -> None:
    breaker = await opened(watch)
    watch.seconds += RESET
    await fail(breaker, asyncio.CancelledError)
    assert breaker.state == "half-open"
    await succeed(breaker)
    assert breaker.state == "closed"


async def test_calls_from_before_it_opened_do_not_decide_the_trial(watch: Watch) -> None:
    breaker = make()
    old_may_end, trial_may_end = asyncio.Event(), asyncio.Event()

    async def call(may_end: asyncio.Event) -> None:
        async with breaker.guard():
            await may_end.wait()

    oldest_may_end = asyncio.Event()
    oldest = asyncio.create_task(call(oldest_may_end))
    old = asyncio.create_task(call(old_may_end))
    await asyncio.sleep(0)
    for _ in range(3):
        await fail(breaker)
    oldest_may_end.set()
    await oldest
    assert breaker.state == "open"
    watch.seconds += RESET
    trial = asyncio.create_task(call(trial_may_end))
    await asyncio.sleep(0)
    old_may_end.set()
    await old
    assert breaker.state == "half-open"
    trial_may_end.set()
    await trial
    assert breaker.state == "closed"


async def test_changes_are_told_and_measured(watch: Watch) -> None:
    told: list[tuple[str, str]] = []
    breaker = await opened(watch, on_change=lambda name, state: told.append((name, state)))
    gauge = metrics.BREAKER_STATE.labels("test")
    assert gauge._value.get() == 2
    watch.seconds += RESET
    await succeed(breaker)
    assert told == [("test", "open"), ("test", "half-open"), ("test", "closed")]
    assert gauge._value.get() == 0
