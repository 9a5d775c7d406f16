"""Follow which clinics there are."""

from libs.common.subjects import Subject, learn_subject
from libs.contracts.auth import ClinicChanged
from services.registry.use_cases.ports import RegistryTx

CLINICS = "clinics"


async def on_clinic_changed(event: ClinicChanged, tx: RegistryTx) -> None:
    if tx.cause is not None:
        clinic = Subject(id=event.clinic_id, clinic_id=event.clinic_id, seq=tx.cause.aggregate.seq)
        await learn_subject(tx, clinic, CLINICS)
