"""The chain of refresh tokens, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.errors import RefreshTokenInvalid
from services.auth.domain.session import REPEAT_WINDOW, Session, Turn

START = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)


def _session() -> Session:
    session = Session.of_staff(
        session_id="ses_1",
        holder_id="usr_1",
        generation=0,
        clinic_id="cln_1",
        device_id="dev_1",
        device_name="laptop",
        token_hash="h0",
        now=START,
    )
    session.created_at = START
    return session


def _turn(session: Session, shown: str, successor: str, now: datetime, retry: str | None = None) -> Turn:
    return session.turn(shown, successor_hash=successor, nonce=f"n-{successor}", retry=retry, now=now)


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 25), st.sampled_from(["k", "l", None])), max_size=40))
def test_only_the_newest_token_turns_and_any_older_one_ends_the_session(
    steps: list[tuple[int, int, str | None]],
) -> None:
    """Each step shows the token that is `age` generations old, some seconds later, with a key to retry under."""
    session, now, newest = _session(), START, 0
    for age, seconds, key in steps:
        now += timedelta(seconds=seconds)
        shown = max(0, newest - age)
        rotated_at, rotated_with = session.rotated_at, session.retry
        turn = _turn(session, f"h{shown}", f"h{newest + 1}", now, key)
        in_time = rotated_at is not None and now - rotated_at <= REPEAT_WINDOW
        if shown == newest:
            assert turn is Turn.ROTATED
            newest += 1
        elif shown == newest - 1 and in_time and key is not None and key == rotated_with:
            assert turn is Turn.REPEATED
            assert session.nonce == f"n-h{newest}"
        else:
            assert turn is Turn.REUSED
            assert session.ended_at == now
            with pytest.raises(RefreshTokenInvalid):
                _turn(session, f"h{newest}", "next", now)
            return


def test_a_session_is_over_after_two_weeks_however_used() -> None:
    session, now = _session(), START
    for number in range(14):
        now += timedelta(days=1)
        if now < START + timedelta(days=14):
            assert _turn(session, f"h{number}", f"h{number + 1}", now) is Turn.ROTATED
    with pytest.raises(RefreshTokenInvalid):
        _turn(session, "h13", "h14", START + timedelta(days=14))


def test_ending_twice_keeps_the_first_reason() -> None:
    session = _session()
    session.end("logged_out", START)
    session.end("revoked", START + timedelta(hours=1))
    assert (session.end_reason, session.ended_at) == ("logged_out", START)
    assert session.listed_until == START + timedelta(minutes=16)
