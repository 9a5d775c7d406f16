"""Whose phones open whose records: worked out anew whenever numbers or guardians change, or a guardian's record goes
out of use or comes back."""

from collections.abc import Iterable

from libs.contracts.registry import PatientUpdated
from services.registry.domain.errors import PhoneNotVerified
from services.registry.domain.patient import Patient
from services.registry.permissions import PATIENT_UPDATE
from services.registry.use_cases.ports import RegistryTx


async def refresh_access(patient: Patient, tx: RegistryTx, changed: Iterable[Patient] = ()) -> bool:
    """Recompute who may act for `patient`; `changed` are guardians this transaction has changed itself."""
    at_hand = {guardian.id: guardian for guardian in changed}
    others = [guardian_id for guardian_id in patient.guardian_ids if guardian_id not in at_hand]
    guardians = [at_hand[guardian_id] for guardian_id in patient.guardian_ids if guardian_id in at_hand]
    guardians += await tx.patients.relatives(others, patient.clinic_id)
    return patient.grant_access(guardians, tx.account_of)


async def pass_on_to_wards(guardian: Patient, tx: RegistryTx) -> None:
    """The guardian's numbers changed, or whether their record is in use: what counts now opens the wards' records, and
    what counted before no longer does.

    The guardian's document names its wards, so a ward that is added at this moment conflicts with this change
    and one of the two runs again.
    """
    for ward in await tx.patients.relatives(guardian.ward_ids, guardian.clinic_id):
        if await refresh_access(ward, tx, changed=[guardian]):
            await tx.patients.keep(ward)
            tx.publish(PatientUpdated.of(ward))
            tx.audit(PATIENT_UPDATE, ward)


def as_seen(patient: Patient, tx: RegistryTx) -> Patient:
    """What the caller is shown: accounts see of the guardians' numbers only the one they have shown to hold."""
    if tx.actor.kind != "account":
        return patient
    return patient.for_reader(lambda phone: tx.account_of(phone) == tx.actor.id)


def ensure_own_record(patient: Patient, tx: RegistryTx) -> None:
    """Only who holds one of the record's own phones may change them: a guardian who could would stay after removal."""
    if tx.actor.kind == "account" and all(tx.account_of(phone) != tx.actor.id for phone in patient.phones):
        raise PhoneNotVerified


def ensure_verified(phones: Iterable[str], tx: RegistryTx) -> None:
    """Accounts may write down no other number than the one they have shown to hold."""
    if tx.actor.kind == "account" and any(tx.account_of(phone) != tx.actor.id for phone in phones):
        raise PhoneNotVerified
