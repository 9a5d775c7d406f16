"""Change a clinic's name, zone or GST registration."""

from libs.common.command import Command
from libs.contracts.auth import ClinicChanged
from services.auth.domain.clinic import Clinic
from services.auth.permissions import CLINIC_CHANGE
from services.auth.use_cases.ports import AuthTx


class ChangeClinic(Command):
    """Only what is given changes. A `gstin` that is set to None is taken away."""

    name: str | None = None
    zone: str | None = None
    gstin: str | None = None
    expected_revision: int | None = None


async def change_clinic(command: ChangeClinic, tx: AuthTx) -> Clinic:
    clinic = await tx.clinics.get(tx.clinic_id, expected_revision=command.expected_revision)
    clinic.name = command.name or clinic.name
    clinic.zone = command.zone or clinic.zone
    if "gstin" in command.model_fields_set:
        clinic.gstin = command.gstin
    tx.clinics.save(clinic)
    tx.publish(ClinicChanged.of(clinic))
    tx.audit(CLINIC_CHANGE, clinic)
    return clinic
