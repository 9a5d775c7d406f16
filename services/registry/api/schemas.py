"""The public shapes of the registry. They are a contract: the domain may change behind them."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.web.body import Body
from libs.contracts.consents import Purpose
from services.registry.api.fields import (
    AbhaAddress,
    AbhaNumber,
    AddressLine,
    Age,
    BirthDate,
    ClinicId,
    Country,
    Email,
    FullName,
    Language,
    NamePart,
    NoticeVersion,
    PatientId,
    Phone,
    PostalCode,
    Prefix,
    Reason,
    ScopeEntry,
)
from services.registry.domain.birth import age_on
from services.registry.domain.consent import Consent, ConsentStatus, Giver, Receipt
from services.registry.domain.duplicates import PossibleDuplicate
from services.registry.domain.patient import Address, Patient, Relationship, Sex
from services.registry.domain.person_name import PersonName
from services.registry.use_cases.queries import FamilyMember, FamilyTie


class AddressBody(Body):
    line1: AddressLine | None = None
    line2: AddressLine | None = None
    city: AddressLine | None = None
    district: AddressLine | None = None
    state: AddressLine | None = None
    postal_code: PostalCode | None = None
    country: Country = "IN"


class GuardianBody(Body):
    """Either `patient_id`, a patient of the same clinic, or `phone`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["patient_id"]}, {"required": ["phone"]}]})

    relationship: Relationship
    patient_id: PatientId | None = None
    phone: Phone | None = None
    name: FullName | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "GuardianBody":
        if (self.patient_id is None) == (self.phone is None):
            raise ValueError("give either patient_id or phone")
        return self


class PatientRequest(Body):
    """`name` is split into its parts; or give `given_name` and `family_name`. Patients who register themselves or
    their family name the clinic, and give the phone they logged in with."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["name"]}, {"required": ["given_name"]}]})

    name: FullName | None = None
    given_name: NamePart | None = None
    family_name: NamePart | None = None
    prefix: Prefix | None = None
    phone: Phone
    other_phones: Annotated[list[Phone], Field(max_length=4)] = []
    sex: Sex = Sex.UNKNOWN
    birth_date: BirthDate | None = None
    age_years: Annotated[Age, Field(description="For those who do not know their date of birth")] | None = None
    email: Email | None = None
    address: AddressBody | None = None
    language: Language = "en"
    abha_number: AbhaNumber | None = None
    abha_address: AbhaAddress | None = None
    guardians: Annotated[list[GuardianBody], Field(max_length=6)] = []
    clinic_id: (
        Annotated[ClinicId, Field(description="The id of a clinic, for patients; staff register in their own")] | None
    ) = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "PatientRequest":
        if self.name is None and self.given_name is None:
            raise ValueError("give a name, or given_name and family_name")
        if self.birth_date is not None and self.age_years is not None:
            raise ValueError("give birth_date or age_years, not both")
        return self

    def person_name(self) -> PersonName:
        """The parts that are given win over those the full name is split into."""
        whole = PersonName.parse(self.name) if self.name else PersonName(given=self.given_name or "")
        parts = {"given": self.given_name, "family": self.family_name, "prefix": self.prefix}
        return whole.model_copy(update={part: value for part, value in parts.items() if value is not None})


_NEVER_NULL = ("name", "given_name", "sex", "phone", "language")


class PatientPatch(Body):
    """A JSON merge patch: what is not there stays, null clears. Numbers a patient adds must be verified first."""

    name: FullName | None = None
    given_name: NamePart | None = None
    family_name: NamePart | None = None
    prefix: Prefix | None = None
    phone: Phone | None = None
    other_phones: Annotated[list[Phone], Field(max_length=4)] | None = None
    sex: Sex | None = None
    birth_date: BirthDate | None = None
    age_years: Age | None = None
    email: Email | None = None
    address: AddressBody | None = None
    language: Language | None = None
    abha_number: AbhaNumber | None = None
    abha_address: AbhaAddress | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "PatientPatch":
        for field in _NEVER_NULL:
            if field in self.model_fields_set and getattr(self, field) is None:
                raise ValueError(f"{field} cannot be cleared")
        if self.birth_date is not None and self.age_years is not None:
            raise ValueError("give birth_date or age_years, not both")
        return self


class ReasonBody(Body):
    reason: Reason | None = None


class GuardianView(BaseModel):
    id: str
    relationship: Relationship
    patient_id: str | None
    phone: str | None
    name: str | None


class PatientSummary(BaseModel):
    """Enough to tell people apart at the desk; the whole record is a look of its own, and goes on record."""

    id: str
    mrn: str
    name: str
    sex: Sex
    birth_date: date | None
    age_years: int | None
    phone: str
    active: bool

    @classmethod
    def of(cls, patient: Patient, today: date) -> "PatientSummary":
        return cls.model_construct(**_summary(patient, today))


class PatientView(PatientSummary):
    """A patient as clients see one. `birth_date` is an estimate where only an age is known."""

    clinic_id: str
    given_name: str
    family_name: str | None
    prefix: str | None
    birth_date_estimated: bool
    other_phones: list[str]
    email: str | None
    address: Address | None
    language: str
    abha_number: str | None
    abha_address: str | None
    guardians: list[GuardianView]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, patient: Patient, today: date) -> "PatientView":
        return cls.model_construct(**_full(patient, today))


class RegisteredView(PatientView):
    """The new patient, and records that may be of the same person: a warning, not a refusal."""

    possible_duplicates: list[PossibleDuplicate]

    @classmethod
    def after(cls, patient: Patient, today: date, duplicates: list[PossibleDuplicate]) -> "RegisteredView":
        return cls.model_construct(**_full(patient, today), possible_duplicates=duplicates)


def _summary(patient: Patient, today: date) -> dict[str, Any]:
    return {
        "id": patient.id,
        "mrn": patient.mrn,
        "name": patient.name.text,
        "sex": patient.sex,
        "birth_date": patient.birth_date,
        "age_years": None if patient.birth_date is None else age_on(today, patient.birth_date),
        "phone": patient.phones[0],
        "active": patient.active,
    }


def _full(patient: Patient, today: date) -> dict[str, Any]:
    return _summary(patient, today) | {
        "clinic_id": patient.clinic_id,
        "given_name": patient.name.given,
        "family_name": patient.name.family,
        "prefix": patient.name.prefix,
        "birth_date_estimated": patient.birth_date_estimated,
        "other_phones": patient.phones[1:],
        "email": patient.email,
        "address": patient.address,
        "language": patient.language,
        "abha_number": patient.abha_number,
        "abha_address": patient.abha_address,
        "guardians": [GuardianView.model_construct(**guardian.model_dump()) for guardian in patient.guardians],
        "created_at": patient.created_at,
        "updated_at": patient.updated_at,
    }


class FamilyMemberView(PatientSummary):
    """`relationship` is what the guardian is to the ward."""

    tie: FamilyTie
    relationship: Relationship | None

    @classmethod
    def from_member(cls, member: FamilyMember, today: date) -> "FamilyMemberView":
        return cls.model_construct(**_summary(member.patient, today), tie=member.tie, relationship=member.relationship)


class ConsentRequest(Body):
    """`notice_version` and `language` name the text that was shown; `scope` narrows the purpose."""

    purpose: Purpose
    scope: Annotated[list[ScopeEntry], Field(max_length=20)] = []
    notice_version: NoticeVersion
    language: Language
    given_by: Giver = Giver.PATIENT


class ConsentView(BaseModel):
    id: str
    patient_id: str
    purpose: Purpose
    scope: list[str]
    notice_version: str
    language: str
    given_by: Giver
    given_at: datetime
    recorded_by: str
    recorded_role: str
    status: ConsentStatus
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdraw_reason: str | None
    superseded_by: str | None
    receipt: Receipt

    @classmethod
    def of(cls, consent: Consent) -> "ConsentView":
        return cls.model_construct(**{name: getattr(consent, name) for name in cls.model_fields})
