"""Numbers as people type them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.errors import PhoneInvalid, PhoneNotSupported
from services.auth.domain.phone import mobile_number


@given(number=st.from_regex(r"[6-9][0-9]{9}", fullmatch=True), split=st.integers(1, 9))
def test_spaces_dashes_brackets_and_a_missing_country_do_not_matter(number: str, split: int) -> None:
    expected = f"+91{number}"
    for typed in (
        expected,
        f"+91 {number}",
        f"+91-{number[:split]}-{number[split:]}",
        f" +91 ({number[:5]}) {number[5:]}",
        number,
        f"0{number}",
        f"{number[:split]}-{number[split:]}",
    ):
        assert mobile_number(typed) == expected


@given(text=st.text(max_size=40))
def test_whatever_is_typed_gives_a_number_or_a_clear_no(text: str) -> None:
    with contextlib.suppress(PhoneInvalid, PhoneNotSupported):
        number = mobile_number(text)
        assert number.startswith("+91")
        assert len(number) == 13


def test_digits_of_other_scripts_are_the_same_number() -> None:
    assert mobile_number("+९१९८१२३४५६७८") == "+919812345678"


@pytest.mark.parametrize(
    "typed",
    ["+91 1800 123 456", "1800 123 456", "+918", "98123", "98123 45678 ext 5", "+1 415 555 0123", "+44 7911 123456"],
)
def test_what_takes_no_codes(typed: str) -> None:
    with pytest.raises((PhoneInvalid, PhoneNotSupported)):
        mobile_number(typed)
