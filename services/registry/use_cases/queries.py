"""What can be asked of the registry; nothing here changes anything."""

from enum import StrEnum

from pydantic import BaseModel

from libs.common.command import Command
from libs.common.subjects import Subject
from libs.common.web.pagination import Cursor, Page
from libs.contracts.consents import Purpose
from services.registry.domain.consent import Consent, withdrawn_purposes
from services.registry.domain.errors import PatientUnknown
from services.registry.domain.patient import Patient, Relationship
from services.registry.use_cases.family_access import as_seen
from services.registry.use_cases.ports import PatientSearch, RegistryTx


async def search_patients(query: tuple[PatientSearch, Cursor], tx: RegistryTx) -> Page[Patient]:
    wanted, cursor = query
    return await tx.patients.search(wanted, cursor)


class ListMine(Command):
    pass


async def list_mine(_query: ListMine, tx: RegistryTx) -> list[Patient]:
    """Whoever this account may act for, in use or not, by name."""
    found = await tx.patients.of_accounts([tx.actor.id])
    return sorted((as_seen(patient, tx) for patient in found), key=lambda patient: (patient.name.text, patient.id))


class FamilyTie(StrEnum):
    """How somebody belongs to a patient's family."""

    GUARDIAN = "guardian"
    WARD = "ward"
    SHARES_PHONE = "shares_phone"


class FamilyMember(BaseModel):
    """`relationship` is the guardian's to the ward; None where phones alone connect."""

    patient: Patient
    tie: FamilyTie
    relationship: Relationship | None


class ShowFamily(Command):
    patient_id: str


async def show_family(query: ShowFamily, tx: RegistryTx) -> list[FamilyMember]:
    """Guardians and wards, in use or not, and everybody for whom the same phones may act, within the caller's sight."""
    patient = await tx.patients.get(query.patient_id)
    named = await tx.patients.among([*patient.guardian_ids, *patient.ward_ids])
    found = {other.id: other for other in [*named, *await tx.patients.of_accounts(patient.accounts)]}
    others = [other for other in found.values() if other.id != patient.id]
    return [_member(patient, other) for other in sorted(others, key=lambda other: (other.name.text, other.id))]


def _member(patient: Patient, other: Patient) -> FamilyMember:
    for guardian in patient.guardians:
        if guardian.patient_id == other.id:
            return FamilyMember(patient=other, tie=FamilyTie.GUARDIAN, relationship=guardian.relationship)
    for guardian in other.guardians:
        if guardian.patient_id == patient.id:
            return FamilyMember(patient=other, tie=FamilyTie.WARD, relationship=guardian.relationship)
    return FamilyMember(patient=other, tie=FamilyTie.SHARES_PHONE, relationship=None)


class ListConsents(Command):
    patient_id: str


async def list_consents(query: ListConsents, tx: RegistryTx) -> list[Consent]:
    """The whole history, the newest first."""
    await tx.patients.get(query.patient_id)
    return await tx.consents.history(query.patient_id)


class ShowContact(Command):
    patient_id: str


async def show_contact(query: ShowContact, tx: RegistryTx) -> tuple[Patient, list[Purpose]]:
    """The patient, and the consents they have withdrawn."""
    patient = await tx.patients.get(query.patient_id)
    return patient, withdrawn_purposes(await tx.consents.history(patient.id))


class ShowAccess(Command):
    patient_id: str


async def show_access(query: ShowAccess, tx: RegistryTx) -> Subject:
    found = await tx.access.of_patient(query.patient_id)
    if found is None:
        raise PatientUnknown
    return found


class ListAccess(Command):
    account_id: str


async def list_access(query: ListAccess, tx: RegistryTx) -> list[Subject]:
    return await tx.access.of_account(query.account_id)
