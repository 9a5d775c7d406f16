"""A patient: who they are, how they are reached, and who may act for them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from libs.common.aggregate import Aggregate
from libs.common.errors import FieldError
from libs.common.ids import new_id
from services.registry.domain.birth import born_years_before
from services.registry.domain.errors import (
    DemographicsInvalid,
    FamilyTooLarge,
    GuardianUnknown,
    PatientInactive,
    PatientUnknown,
)
from services.registry.domain.person_name import PersonName
from services.registry.domain.spelling import sound_of_name

MOST_GUARDIANS = 6
MOST_WARDS = 30


class Sex(StrEnum):
    """FHIR's administrative gender."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class Relationship(StrEnum):
    """What a guardian is to the patient."""

    MOTHER = "mother"
    FATHER = "father"
    SPOUSE = "spouse"
    CHILD = "child"
    SIBLING = "sibling"
    GRANDPARENT = "grandparent"
    LEGAL_GUARDIAN = "legal_guardian"
    CAREGIVER = "caregiver"
    OTHER = "other"


class Address(BaseModel):
    """A postal address in India, or elsewhere."""

    model_config = ConfigDict(frozen=True)

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    district: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str = "IN"


class Guardian(BaseModel):
    """Somebody who acts for the patient: another patient of the clinic, or a person known by phone."""

    model_config = ConfigDict(frozen=True)

    id: str
    relationship: Relationship
    patient_id: str | None = None
    phone: str | None = None
    name: str | None = None


class Patient(Aggregate):
    """`phones` are E.164, the primary one first. `accounts` stand for the phones whose holders may act for the
    patient: their own and their guardians'. `ward_ids` are the patients that name this one as guardian."""

    mrn: str
    name: PersonName
    sex: Sex = Sex.UNKNOWN
    birth_date: date | None = None
    birth_date_estimated: bool = False
    phones: list[str]
    email: str | None = None
    address: Address | None = None
    language: str = "en"
    abha_number: str | None = None
    abha_address: str | None = None
    guardians: list[Guardian] = []
    ward_ids: list[str] = []
    accounts: list[str] = []
    active: bool = True

    @property
    def subject_id(self) -> str:
        return self.id

    @property
    def guardian_ids(self) -> list[str]:
        """Those of the guardians that are patients themselves."""
        return [guardian.patient_id for guardian in self.guardians if guardian.patient_id is not None]

    @property
    def guardian_phones(self) -> list[str]:
        """The numbers of guardians who are no patients."""
        return [guardian.phone for guardian in self.guardians if guardian.phone is not None]

    @property
    def listed_phones(self) -> list[str]:
        """Every number written in this record: its own, and those of guardians who are no patients."""
        return [*self.phones, *self.guardian_phones]

    def acting_phones(self, guardians: Iterable["Patient"]) -> list[str]:
        """The numbers of those who act for this patient. `guardians` are the patients in `guardian_ids`: their numbers
        count while their own records are in use, those of their own guardians never do."""
        linked = [phone for guardian in guardians if guardian.active for phone in guardian.phones]
        return [*self.guardian_phones, *linked]

    def grant_access(self, guardians: Iterable["Patient"], account_of: Callable[[str], str]) -> bool:
        """Work out anew which accounts may act for this patient, see `acting_phones`; returns whether that changed."""
        accounts = sorted({account_of(phone) for phone in [*self.phones, *self.acting_phones(guardians)]})
        changed = accounts != self.accounts
        self.accounts = accounts
        return changed

    def for_reader(self, may_see: Callable[[str], bool]) -> "Patient":
        """A copy to show, without the guardians' numbers that its reader may not see. The patient's own stay."""
        shown = [
            entry if entry.phone is None or entry.phone in self.phones or may_see(entry.phone)
            else entry.model_copy(update={"phone": None})
            for entry in self.guardians
        ]  # fmt: skip
        return self.model_copy(update={"guardians": shown})

    def identifying_values(self, *, years_apart: int = 0) -> list[tuple[str, str]]:
        """(kind, value) of everything that another record of the same person is likely to share.

        The name counts only with a year of birth; `years_apart` widens that for ages that were estimated.
        """
        values = [("phone", phone) for phone in self.listed_phones]
        for kind in ("email", "abha_number", "abha_address"):
            value = getattr(self, kind)
            if value is not None:
                values.append((kind, value.casefold()))
        if self.birth_date is not None:
            name, born = sound_of_name(self.name.unprefixed), self.birth_date.year
            values += [("name_and_year", f"{name} {born + apart}") for apart in range(-years_apart, years_apart + 1)]
        return values

    def amend(self, given: Mapping[str, Any], today: date) -> None:
        """Change what is given, by the rules of a JSON merge patch; `None` clears a field.

        Besides fields of the same name: `name`, or `given_name`, `family_name`, `prefix`; `phone`, `other_phones`;
        `birth_date` or `age_years`; of `address` only the members that are given.
        """
        self._only_while_active()
        for field in given.keys() & {"sex", "language", "email", "abha_number", "abha_address"}:
            setattr(self, field, given[field])
        if given.keys() & {"name", "given_name", "family_name", "prefix"}:
            self.name = _renamed(self.name, given)
        if given.keys() & {"phone", "other_phones"}:
            primary, *others = self.phones
            self.phones = distinct([given.get("phone", primary), *(given.get("other_phones", others) or [])])
        if "birth_date" in given or given.get("age_years") is not None:
            self.set_birth(given.get("birth_date"), given.get("age_years"), today)
        if "address" in given:
            known = {} if self.address is None else self.address.model_dump()
            self.address = None if given["address"] is None else Address.model_validate(known | given["address"])

    def set_birth(self, birth_date: date | None, age_years: int | None, today: date) -> None:
        """From a date, or from an age, which makes the date an estimate."""
        if birth_date is not None and birth_date > today:
            raise DemographicsInvalid(errors=[FieldError(pointer="/birth_date", detail="lies in the future")])
        self.birth_date_estimated = birth_date is None and age_years is not None
        self.birth_date = born_years_before(today, age_years) if age_years is not None else birth_date

    def add_guardian(
        self,
        relationship: Relationship,
        *,
        guardian: "Patient | None" = None,
        phone: str | None = None,
        name: str | None = None,
    ) -> None:
        """Name a patient of the same clinic, who has a ward more then, or a person with a phone number."""
        self._only_while_active()
        if len(self.guardians) >= MOST_GUARDIANS:
            raise FamilyTooLarge(f"A patient has at most {MOST_GUARDIANS} guardians")
        if guardian is not None:
            guardian.take_ward(self)
        patient_id = None if guardian is None else guardian.id
        new = Guardian(id=new_id("grd"), relationship=relationship, patient_id=patient_id, phone=phone, name=name)
        self.guardians = [*self.guardians, new]

    def take_ward(self, ward: "Patient") -> None:
        if ward.clinic_id != self.clinic_id:
            raise PatientUnknown
        self._only_while_active()
        if ward.id == self.id:
            raise DemographicsInvalid("Nobody is their own guardian")
        if self.id in ward.guardian_ids:
            raise DemographicsInvalid("This patient is a guardian already")
        if len(self.ward_ids) >= MOST_WARDS:
            raise FamilyTooLarge(f"A guardian has at most {MOST_WARDS} wards")
        self.ward_ids = [*self.ward_ids, ward.id]

    def guardian_entry(self, entry_id: str) -> Guardian:
        """The entry with this id (not a patient's); raises `GuardianUnknown`."""
        for entry in self.guardians:
            if entry.id == entry_id:
                return entry
        raise GuardianUnknown

    def remove_guardian(self, entry: Guardian, *, guardian: "Patient | None" = None) -> None:
        """They act for this patient no more; `guardian` is the patient behind the entry, if there is one."""
        self.guardians = [known for known in self.guardians if known.id != entry.id]
        if guardian is not None:
            guardian.ward_ids = [ward for ward in guardian.ward_ids if ward != self.id]

    def deactivate(self) -> None:
        self._only_while_active()
        self.active = False

    def reactivate(self) -> None:
        self.active = True

    def _only_while_active(self) -> None:
        if not self.active:
            raise PatientInactive


def distinct(phones: Iterable[str]) -> list[str]:
    """In the same order, each once."""
    return list(dict.fromkeys(phones))


def _renamed(name: PersonName, given: Mapping[str, Any]) -> PersonName:
    whole = PersonName.parse(given["name"]) if "name" in given else name
    parts = {part: given[key] for key, part in _NAME_PARTS.items() if key in given}
    return whole.model_copy(update=parts)


_NAME_PARTS = {"given_name": "given", "family_name": "family", "prefix": "prefix"}
