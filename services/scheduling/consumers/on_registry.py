"""Follow which accounts may act for which patient."""

from libs.common.subjects import Subject, learn_subject
from libs.contracts.registry import PatientRegistered, PatientUpdated
from services.scheduling.use_cases.ports import SchedulingTx


async def on_patient_changed(event: PatientRegistered | PatientUpdated, tx: SchedulingTx) -> None:
    if tx.cause is not None:
        subject = Subject(
            id=event.patient_id,
            clinic_id=tx.clinic_id,
            accounts=event.accounts,
            active=event.active,
            seq=tx.cause.aggregate.seq,
        )
        await learn_subject(tx, subject)
