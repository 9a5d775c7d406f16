"""Look at a patient; what staff see goes on record, so that people can ask who saw theirs."""

from libs.common.command import Command
from libs.common.security.permissions import Permission
from services.registry.domain.patient import Patient
from services.registry.permissions import PATIENT_READ
from services.registry.use_cases.family_access import as_seen
from services.registry.use_cases.ports import RegistryTx


class ViewPatient(Command):
    patient_id: str


async def view_patient(command: ViewPatient, tx: RegistryTx) -> Patient:
    return as_seen(await tx.patients.get(command.patient_id), tx)


class RecordLooks(Command):
    """`action` is the permission under which these patients are shown."""

    action: Permission
    patients: list[Patient]


async def record_looks(command: RecordLooks, tx: RegistryTx) -> None:
    """An entry for each of them."""
    for patient in command.patients:
        tx.audit(command.action, patient)


def put_look_on_record(patient: Patient, tx: RegistryTx) -> None:
    """For commands that changed nothing and answer with the record all the same. Accounts look at their own."""
    if tx.actor.kind != "account":
        tx.audit(PATIENT_READ, patient)
