"""Look at a patient's record; a look by staff goes on record, so that people can ask who saw theirs."""

from libs.common.command import Command
from services.registry.domain.patient import Patient
from services.registry.permissions import PATIENT_READ
from services.registry.use_cases.ports import RegistryTx


class ViewPatient(Command):
    patient_id: str


async def view_patient(command: ViewPatient, tx: RegistryTx) -> Patient:
    """For a look that need not be recorded (again)."""
    return await tx.patients.get(command.patient_id)


async def view_patient_on_record(command: ViewPatient, tx: RegistryTx) -> Patient:
    patient = await view_patient(command, tx)
    tx.audit(PATIENT_READ, patient)
    return patient
