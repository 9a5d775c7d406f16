"""The keys' life under any passing of time: there is a signer, the next is known early, nothing good is refused."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.session import LONGEST_ACCESS
from services.auth.domain.signing_key import KeyPolicy, KeyRotation, KeyState, SigningKey

START = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
POLICY = KeyPolicy(signs_for=timedelta(days=30), published_for=timedelta(minutes=15))


class Keys:
    """The keys as the job keeps them, and the tokens each has signed."""

    def __init__(self) -> None:
        self.all: list[SigningKey] = []
        self.last_signed: dict[str, datetime] = {}

    def settle(self, now: datetime, policy: KeyPolicy = POLICY) -> None:
        for _ in range(10):
            spare = SigningKey(
                id=f"key_{len(self.all)}", clinic_id="", public="", wrapped="", wrapped_with="", published_at=now
            )
            rotation = KeyRotation((k for k in self.all if k.state is not KeyState.RETIRED), policy, now)
            rotation.step(spare)
            if not rotation.changed:
                return
            if spare in rotation.changed:
                self.all.append(spare)
        raise AssertionError("it never settles")

    def having(self, state: KeyState) -> list[SigningKey]:
        return [key for key in self.all if key.state is state]


@given(minutes=st.lists(st.integers(1, 60 * 24 * 40), min_size=1, max_size=30))
def test_there_is_one_signer_one_next_and_every_live_token_verifies(minutes: list[int]) -> None:
    keys, now = Keys(), START
    keys.settle(now)
    for passing in minutes:
        before = keys.having(KeyState.SIGNING)[0]
        keys.last_signed[before.id] = now
        now += timedelta(minutes=passing)
        keys.settle(now)
        [signer], [_] = keys.having(KeyState.SIGNING), keys.having(KeyState.PUBLISHED)
        if signer is not before:
            assert now - signer.published_at >= POLICY.published_for
        for kid, signed_at in keys.last_signed.items():
            if now - signed_at < LONGEST_ACCESS:
                [key] = [key for key in keys.all if key.id == kid]
                assert key.state is not KeyState.RETIRED


def test_a_key_that_was_published_too_late_waits() -> None:
    keys = Keys()
    keys.settle(START)
    [upcoming] = keys.having(KeyState.PUBLISHED)
    due = START + timedelta(days=30)
    upcoming.published_at = due - timedelta(minutes=14)
    keys.settle(due)
    assert keys.having(KeyState.PUBLISHED) == [upcoming]
    keys.settle(due + timedelta(minutes=1))
    assert keys.having(KeyState.SIGNING) == [upcoming]


def test_withdrawn_keys_go_at_once_the_next_one_included() -> None:
    keys = Keys()
    keys.settle(START)
    leaked = frozenset(key.id for key in keys.all)
    keys.settle(START, POLICY.model_copy(update={"withdrawn": leaked}))
    assert {key.id for key in keys.having(KeyState.RETIRED)} == leaked
    assert len(keys.having(KeyState.SIGNING)) == len(keys.having(KeyState.PUBLISHED)) == 1
