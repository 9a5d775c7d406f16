"""Take a patient into the clinic's registry, and say whether they may be known already."""

from datetime import date

from pydantic import BaseModel

from libs.common.command import Command
from libs.common.ids import new_id
from libs.contracts.registry import PatientRegistered, PatientUpdated
from services.registry.domain.birth import local_date
from services.registry.domain.duplicates import YEARS_APART, PossibleDuplicate, possible_duplicates
from services.registry.domain.patient import Address, Patient, Relationship, Sex, distinct
from services.registry.domain.person_name import PersonName
from services.registry.permissions import PATIENT_REGISTER
from services.registry.use_cases.family_access import ensure_verified, refresh_access
from services.registry.use_cases.ports import RegistryTx


class GuardianGiven(BaseModel):
    """Either a patient of the same clinic, or a phone number in E.164."""

    relationship: Relationship
    patient_id: str | None = None
    phone: str | None = None
    name: str | None = None


class RegisterPatient(Command):
    """`phones` are E.164, the primary one first; `birth_date` or `age_years`, or neither."""

    name: PersonName
    phones: list[str]
    sex: Sex = Sex.UNKNOWN
    birth_date: date | None = None
    age_years: int | None = None
    email: str | None = None
    address: Address | None = None
    language: str = "en"
    abha_number: str | None = None
    abha_address: str | None = None
    guardians: list[GuardianGiven] = []


class Registered(BaseModel):
    """What became of a registration. It is kept for retries, so nothing personal is in it."""

    patient_id: str
    possible_duplicates: list[PossibleDuplicate]


async def register_patient(command: RegisterPatient, tx: RegistryTx) -> Registered:
    patient = Patient(
        id=new_id("pat"),
        clinic_id=tx.clinic_id,
        mrn="",
        phones=distinct(command.phones),
        **command.model_dump(exclude={"phones", "birth_date", "age_years", "guardians", "name", "address"}),
        name=command.name,
        address=command.address,
    )
    patient.set_birth(command.birth_date, command.age_years, local_date(tx.now))
    guardians = await _add_guardians(patient, command.guardians, tx)
    ensure_verified(patient.listed_phones, tx)
    await refresh_access(patient, tx, changed=guardians)
    values = patient.identifying_values(years_apart=YEARS_APART)
    duplicates = possible_duplicates(patient, await tx.patients.sharing(values))
    patient.mrn = await tx.mrns.next(tx.clinic_id)
    await tx.patients.keep(patient)
    tx.publish(PatientRegistered.of(patient))
    tx.audit(PATIENT_REGISTER, patient)
    for guardian in guardians:
        await tx.patients.keep(guardian)
        tx.publish(PatientUpdated.of(guardian))
    return Registered(patient_id=patient.id, possible_duplicates=duplicates)


async def _add_guardians(patient: Patient, given: list[GuardianGiven], tx: RegistryTx) -> list[Patient]:
    """Name them all; returns those that are patients, who now have a ward more."""
    linked = []
    for entry in given:
        guardian = None if entry.patient_id is None else await tx.patients.get(entry.patient_id)
        patient.add_guardian(entry.relationship, guardian=guardian, phone=entry.phone, name=entry.name)
        linked += [guardian] if guardian is not None else []
    return linked
