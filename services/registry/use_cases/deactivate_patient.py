"""Take a record out of use, and bring it back; nothing is deleted. Meanwhile its phones open no ward's record."""

from libs.common.command import Command
from libs.contracts.registry import PatientUpdated
from services.registry.domain.patient import Patient
from services.registry.permissions import PATIENT_DEACTIVATE
from services.registry.use_cases.family_access import pass_on_to_wards
from services.registry.use_cases.ports import RegistryTx
from services.registry.use_cases.view_patient import put_look_on_record


class DeactivatePatient(Command):
    patient_id: str
    reason: str | None = None


async def deactivate_patient(command: DeactivatePatient, tx: RegistryTx) -> Patient:
    patient = await tx.patients.get(command.patient_id)
    patient.deactivate()
    return await _keep(patient, command.reason, tx)


class ReactivatePatient(Command):
    patient_id: str
    reason: str | None = None


async def reactivate_patient(command: ReactivatePatient, tx: RegistryTx) -> Patient:
    patient = await tx.patients.get(command.patient_id)
    if patient.active:
        put_look_on_record(patient, tx)
        return patient
    patient.reactivate()
    return await _keep(patient, command.reason, tx)


async def _keep(patient: Patient, reason: str | None, tx: RegistryTx) -> Patient:
    await pass_on_to_wards(patient, tx)
    await tx.patients.keep(patient)
    tx.publish(PatientUpdated.of(patient))
    tx.audit(PATIENT_DEACTIVATE, patient, reason=reason)
    return patient
