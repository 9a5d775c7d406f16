"""Names that are one name, and names that are not."""

from hashlib import sha256

import pytest

from services.registry.domain.spelling import (
    RULES_VERSION,
    keys_to_find,
    search_keys,
    sound,
    sound_of_name,
    spelling,
    words,
)

_ONE_NAME = [
    ("Lakshmi", "Laxmi"),
    ("Mohd", "Muhammad"),
    ("Mohammed", "Mohamad"),
    ("Shrinivas", "Srinivas"),
    ("Sameer", "Samir"),
    ("Gowtham", "Gautam"),
    ("Aishwarya", "Eshwarya"),
    ("Phalguni", "Falguni"),
    ("Vijay", "Wijai"),
    ("Suneeta", "Sunita"),
    ("Pooja", "Puja"),
    ("Choudhari", "Chaudhary"),
    ("Krishnan", "Krisnan"),
    ("Abdullah", "Abdulla"),
    ("Savithri", "Savitri"),
    ("Azhagan", "Alagan"),
]


@pytest.mark.parametrize(("one", "other"), _ONE_NAME)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert spelling(one.lower()) == spelling(other.lower())
    assert sound(one.lower()) == sound(other.lower())


@pytest.mark.parametrize(
    ("one", "other"), [("Ravi", "Rafi"), ("Asha", "Usha"), ("Sita", "Gita"), ("Rao", "Roy"), ("Kiran", "Karan")]
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert spelling(one.lower()) != spelling(other.lower())


def test_words() -> None:
    assert words("  D'Souza-José  (Bai), 3rd ") == ["dsouza", "jose", "bai", "3rd"]
    assert words("लक्ष्मी देवी") == ["लक्ष्मी", "देवी"]
    assert words("\uff2c\uff21\uff38\uff2d\uff29") == ["laxmi"]  # full width
    assert words("$..{}") == []


def test_a_short_sound_says_too_little() -> None:
    assert sound("ravi") == ""
    assert sound("लक्ष्मी") == ""
    assert sound_of_name("Ravi Rao") == sound_of_name("Rao Ravi") != sound_of_name("Rafi Rao")


def test_every_beginning_finds_the_name() -> None:
    stored = set(search_keys("Sameer Lakshminarayanan"))
    for typed in ("sa", "same", "samee", "sameer", "samir", "lakshmin", "laxminarayan", "lakshminarayanan"):
        assert stored & set(keys_to_find(typed)), typed
    assert not stored & set(keys_to_find("meer"))
    assert not stored & set(keys_to_find("zz"))


def test_whole_words_rank_before_beginnings_and_sounds() -> None:
    assert [key[:2] for key in keys_to_find("laxmi")] == ["w:", "w:", "p:", "p:", "s:"]


def test_changed_rules_are_a_new_version() -> None:
    """When this fails, raise `RULES_VERSION`: names stored before would not be found as those stored after are."""
    names = ("Dr. Lakshmi Narayanan", "Mohd Wasim Shaikh", "Xavier D'Souza", "Ayesha Qureshi", "लक्ष्मी देवी")
    made = [(search_keys(name), sound_of_name(name)) for name in names]
    assert (RULES_VERSION, sha256(repr(made).encode()).hexdigest()[:12]) == (1, "3fe342d33bb7")
