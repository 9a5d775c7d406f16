"""The patient's own rules."""

from datetime import date
from typing import Any

import pytest

from services.registry.domain.birth import age_on, born_years_before
from services.registry.domain.duplicates import Reason, compare, possible_duplicates
from services.registry.domain.patient import Patient, Relationship, Sex
from services.registry.domain.person_name import PersonName
from services.registry.domain.phone import e164

TODAY = date(2026, 11, 25)


def patient(name: str = "Asha Rao", **more: Any) -> Patient:
    fields = {"id": f"pat_{name}", "clinic_id": "cln_1", "mrn": "1", "phones": ["+919812345678"], **more}
    return Patient(name=PersonName.parse(name), **fields)


@pytest.mark.parametrize(
    ("text", "prefix", "given", "family"),
    [
        ("Asha", None, "Asha", None),
        ("  Asha   Rao ", None, "Asha", "Rao"),
        ("Dr. Asha Devi Rao", "Dr.", "Asha Devi", "Rao"),
        ("Smt Asha", "Smt", "Asha", None),
        ("Baby", None, "Baby", None),
        ("Sri Lakshmi", None, "Sri", "Lakshmi"),
    ],
)
def test_names_are_split(text: str, prefix: str | None, given: str, family: str | None) -> None:
    name = PersonName.parse(text)
    assert (name.prefix, name.given, name.family) == (prefix, given, family)
    assert name.text == " ".join(text.split())


def test_ages() -> None:
    assert age_on(TODAY, date(1990, 11, 25)) == 36
    assert age_on(TODAY, date(1990, 11, 26)) == 35
    assert born_years_before(date(2028, 2, 29), 27) == date(2001, 2, 28)


@pytest.mark.parametrize("typed", ["98123 45678", "+91-98123-45678", "098123 45678", " 919812345678"])
def test_phones_become_e164(typed: str) -> None:
    assert e164(typed) == "+919812345678"


@pytest.mark.parametrize("typed", ["", "12345", "+999 123", "98123456789012", "asha", "9812345678 ext. 5"])
def test_what_is_no_phone(typed: str) -> None:
    with pytest.raises(ValueError, match="phone number"):
        e164(typed)


def test_access_is_of_own_phones_and_guardians_but_not_of_theirs() -> None:
    child, mother = patient("Child"), patient("Mother", phones=["+919800000001"])
    mother.add_guardian(Relationship.SPOUSE, phone="+919800000002")
    child.add_guardian(Relationship.MOTHER, guardian=mother)
    child.add_guardian(Relationship.OTHER, phone="+919800000003")
    assert child.grant_access([mother], lambda phone: f"acc_{phone[-2:]}")
    assert child.accounts == ["acc_01", "acc_03", "acc_78"]
    assert not child.grant_access([mother], lambda phone: f"acc_{phone[-2:]}")
    assert mother.ward_ids == [child.id]


def test_nothing_known_is_no_likeness() -> None:
    unknown = compare(patient("Asha", phones=["+919800000001"]), patient("Ravi", phones=["+919800000002"]))
    assert (unknown.score, unknown.reasons) == (0, [])


def test_the_same_abha_makes_certain() -> None:
    one = patient("Asha Rao", sex=Sex.FEMALE, birth_date=date(1990, 1, 1), abha_number="11-1111-1111-1111")
    same = compare(one, one.model_copy())
    assert (same.score, same.reasons[0]) == (100, Reason.SAME_ABHA)


@pytest.mark.parametrize(
    "different",
    [
        {"sex": Sex.MALE},
        {"birth_date": date(1960, 1, 1)},
        {"abha_number": "22-2222-2222-2222"},
        {"name": PersonName.parse("Venkat Iyer")},
    ],
)
def test_what_speaks_against_costs_more_than_it_would_have_brought(different: dict[str, Any]) -> None:
    one = patient("Asha Rao", sex=Sex.FEMALE, birth_date=date(1990, 1, 1), phones=["+919800000001"])
    like = one.model_copy(update={"phones": ["+919800000002"]})
    with_abha = {"abha_number": "11-1111-1111-1111"} if "abha_number" in different else {}
    one = one.model_copy(update=with_abha)
    [field] = different
    silent = like.model_copy(update={field: {"sex": Sex.UNKNOWN, "name": like.name}.get(field)})
    assert compare(one, like.model_copy(update=different)).score < compare(one, silent).score


def test_warnings_are_few_and_the_likeliest_comes_first() -> None:
    new = patient("Asha Rao", birth_date=date(1990, 1, 1))
    alike = [patient("Asha Rao", birth_date=date(1990, 1, 1)).model_copy(update={"id": f"pat_{n}"}) for n in range(20)]
    alike.append(patient("Aasha Rao").model_copy(update={"id": "pat_less"}))
    listed = possible_duplicates(new, [new, *alike])
    assert len(listed) == 10
    assert listed[0].score == max(found.score for found in listed)
    assert new.id not in {found.id for found in listed}
