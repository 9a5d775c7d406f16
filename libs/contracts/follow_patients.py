"""The handler of every service that keeps a directory of patients: learn who may act for whom."""

from libs.common.mongo.tx import Tx
from libs.common.subjects import Subject, learn_subject
from libs.contracts.registry import PatientRegistered, PatientUpdated


async def on_patient_changed(event: PatientRegistered | PatientUpdated, tx: Tx) -> None:
    """Keep what permission checks need to know about the patient, see `libs.common.subjects`."""
    if tx.cause is not None:
        subject = Subject(
            id=event.patient_id,
            clinic_id=tx.clinic_id,
            accounts=event.accounts,
            active=event.active,
            seq=tx.cause.aggregate.seq,
        )
        await learn_subject(tx, subject)
