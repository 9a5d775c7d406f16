"""How likely two records are one person, as a score with its reasons; people decide, this only warns."""

from enum import StrEnum

from pydantic import BaseModel
from rapidfuzz import fuzz

from services.registry.domain.patient import Patient, Sex
from services.registry.domain.spelling import sound_of_name, spelling, words

WARN_FROM = 50
MOST_WARNINGS = 10
YEARS_APART = 2
"""Ages that people estimate are this far off."""


class Reason(StrEnum):
    SAME_ABHA = "same_abha"
    SAME_PHONE = "same_phone"
    SAME_EMAIL = "same_email"
    SAME_NAME = "same_name"
    SIMILAR_NAME = "similar_name"
    SAME_BIRTH_DATE = "same_birth_date"
    SIMILAR_AGE = "similar_age"
    SAME_SEX = "same_sex"


WEIGHTS = {
    Reason.SAME_ABHA: 100,
    Reason.SAME_PHONE: 35,
    Reason.SAME_EMAIL: 20,
    Reason.SAME_NAME: 40,
    Reason.SIMILAR_NAME: 30,
    Reason.SAME_BIRTH_DATE: 25,
    Reason.SIMILAR_AGE: 15,
    Reason.SAME_SEX: 5,
}
_OTHER_ABHA, _OTHER_NAME, _OTHER_AGE, _OTHER_SEX = -60, -15, -30, -15
"""What speaks against it: families share phones, and parents and children names."""


class PossibleDuplicate(BaseModel):
    """Another record that may be the same person. `score` is 0 to 100."""

    id: str
    score: int
    reasons: list[Reason]


def possible_duplicates(patient: Patient, others: list[Patient]) -> list[PossibleDuplicate]:
    """Those worth a warning, the likeliest first."""
    compared = [compare(patient, other) for other in others if other.id != patient.id]
    likely = [found for found in compared if found.score >= WARN_FROM]
    return sorted(likely, key=lambda found: (-found.score, found.id))[:MOST_WARNINGS]


def compare(one: Patient, other: Patient) -> PossibleDuplicate:
    reasons: list[Reason] = []
    against = 0
    if one.abha_number and other.abha_number:
        if one.abha_number == other.abha_number:
            reasons.append(Reason.SAME_ABHA)
        else:
            against += _OTHER_ABHA
    if set(one.listed_phones) & set(other.listed_phones):
        reasons.append(Reason.SAME_PHONE)
    if one.email and other.email and one.email.casefold() == other.email.casefold():
        reasons.append(Reason.SAME_EMAIL)
    for reason, weight in (_names(one, other), _births(one, other), _sexes(one, other)):
        reasons += [reason] if reason else []
        against += weight
    score = sum(WEIGHTS[reason] for reason in reasons) + against
    return PossibleDuplicate(id=other.id, score=max(0, min(100, score)), reasons=reasons)


def _names(one: Patient, other: Patient) -> tuple[Reason | None, int]:
    mine, theirs = one.name.unprefixed, other.name.unprefixed
    likeness = fuzz.token_sort_ratio(_spelled(mine), _spelled(theirs))
    if likeness >= 95:
        return Reason.SAME_NAME, 0
    if likeness >= 80 or sound_of_name(mine) == sound_of_name(theirs):
        return Reason.SIMILAR_NAME, 0
    return None, _OTHER_NAME if likeness < 65 else 0


def _spelled(name: str) -> str:
    return " ".join(spelling(word) for word in words(name))


def _births(one: Patient, other: Patient) -> tuple[Reason | None, int]:
    if one.birth_date is None or other.birth_date is None:
        return None, 0
    estimated = one.birth_date_estimated or other.birth_date_estimated
    if one.birth_date == other.birth_date and not estimated:
        return Reason.SAME_BIRTH_DATE, 0
    years = abs((one.birth_date - other.birth_date).days) / 365.25
    if years <= (YEARS_APART if estimated else 1):
        return Reason.SIMILAR_AGE, 0
    return None, _OTHER_AGE if years > 2 * YEARS_APART + 1 else 0


def _sexes(one: Patient, other: Patient) -> tuple[Reason | None, int]:
    if Sex.UNKNOWN in (one.sex, other.sex):
        return None, 0
    return (Reason.SAME_SEX, 0) if one.sex is other.sex else (None, _OTHER_SEX)
