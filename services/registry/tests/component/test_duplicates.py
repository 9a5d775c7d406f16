"""The warning at registration that somebody may be known already."""

from typing import Any

from services.registry.tests.builders import Clinic, some_phone


async def _warning(clinic: Clinic, known: dict[str, Any], new: dict[str, Any]) -> tuple[int, set[str]]:
    """Score and reasons for the known one; 0 when it is not listed."""
    first = await clinic.register(**known)
    second = await clinic.register(**new)
    listed = [d for d in second["possible_duplicates"] if d["id"] == first["id"]]
    return (listed[0]["score"], set(listed[0]["reasons"])) if listed else (0, set())


async def test_the_same_phone_and_a_name_that_sounds_the_same(clinic: Clinic) -> None:
    phone = some_phone()
    score, reasons = await _warning(
        clinic, {"name": "Laxmi Rao", "phone": phone}, {"name": "Lakshmi Rao", "phone": phone}
    )
    assert score >= 75
    assert reasons == {"same_phone", "same_name"}


async def test_the_same_abha_is_certain(clinic: Clinic) -> None:
    abha = {"abha_number": "11-2222-3333-4444"}
    score, reasons = await _warning(clinic, {"name": "Farida", **abha}, {"name": "Farida Sheikh", **abha})
    assert score == 100 or (score >= 85 and "same_abha" in reasons)


async def test_name_and_date_of_birth_from_another_phone(clinic: Clinic) -> None:
    born = {"birth_date": "1970-01-31", "sex": "male"}
    score, reasons = await _warning(clinic, {"name": "Mohd Irfan", **born}, {"name": "Mohammed Irfan", **born})
    assert score >= 65
    assert {"same_name", "same_birth_date", "same_sex"} == reasons


async def test_an_age_that_is_about_right(clinic: Clinic) -> None:
    score, reasons = await _warning(
        clinic,
        {"name": "Shrinivas Iyengar", "age_years": 60, "sex": "male"},
        {"name": "Srinivas Iyengar", "age_years": 62, "sex": "male"},
    )
    assert score >= 50
    assert "similar_age" in reasons


async def test_a_family_on_one_phone_is_no_duplicate(clinic: Clinic) -> None:
    phone = some_phone()
    father = {"name": "Ravi Menon", "phone": phone, "age_years": 40, "sex": "male"}
    score, _ = await _warning(clinic, father, {"name": "Anjali Menon", "phone": phone, "age_years": 12})
    assert score == 0


async def test_another_clinic_s_patients_are_not_compared(clinic: Clinic, other_clinic: Clinic) -> None:
    same = {"name": "Gopal Das", "phone": some_phone(), "birth_date": "1960-06-06"}
    await other_clinic.register(**same)
    assert (await clinic.register(**same))["possible_duplicates"] == []
