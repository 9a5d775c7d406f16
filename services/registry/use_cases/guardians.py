"""Name and remove those who act for a patient."""

from libs.common.command import Command
from libs.contracts.registry import PatientUpdated
from services.registry.domain.patient import Patient, Relationship
from services.registry.permissions import GUARDIAN_WRITE
from services.registry.use_cases.family_access import refresh_access
from services.registry.use_cases.ports import RegistryTx


class AddGuardian(Command):
    """Either a patient of the same clinic, or a phone number in E.164."""

    patient_id: str
    relationship: Relationship
    guardian_patient_id: str | None = None
    phone: str | None = None
    name: str | None = None


async def add_guardian(command: AddGuardian, tx: RegistryTx) -> str:
    """Returns the ward's id: what is returned is kept for retries, so nothing personal may be in it."""
    ward = await tx.patients.get(command.patient_id)
    linked = command.guardian_patient_id
    guardian = None if linked is None else await tx.patients.get(linked)
    ward.add_guardian(command.relationship, guardian=guardian, phone=command.phone, name=command.name)
    await _keep_both(ward, guardian, tx)
    return ward.id


class RemoveGuardian(Command):
    """`entry_id` is the guardian entry's id, `grd_...`."""

    patient_id: str
    entry_id: str


async def remove_guardian(command: RemoveGuardian, tx: RegistryTx) -> Patient:
    ward = await tx.patients.get(command.patient_id)
    entry = ward.guardian_entry(command.entry_id)
    linked = [] if entry.patient_id is None else await tx.patients.relatives([entry.patient_id], ward.clinic_id)
    guardian = linked[0] if linked else None
    ward.remove_guardian(entry, guardian=guardian)
    await _keep_both(ward, guardian, tx)
    return ward


async def _keep_both(ward: Patient, guardian: Patient | None, tx: RegistryTx) -> None:
    await refresh_access(ward, tx, changed=[] if guardian is None else [guardian])
    for changed in [ward] if guardian is None else [ward, guardian]:
        await tx.patients.keep(changed)
        tx.publish(PatientUpdated.of(changed))
        tx.audit(GUARDIAN_WRITE, changed)
