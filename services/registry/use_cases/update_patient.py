"""Correct a patient's details; only what is given changes."""

from datetime import date
from typing import Any

from libs.common.command import Command
from libs.contracts.registry import PatientUpdated
from services.registry.domain.birth import local_date
from services.registry.domain.patient import Patient, Sex
from services.registry.permissions import PATIENT_UPDATE
from services.registry.use_cases.family_access import (
    as_seen,
    ensure_own_record,
    ensure_verified,
    pass_on_to_wards,
    refresh_access,
)
from services.registry.use_cases.ports import RegistryTx
from services.registry.use_cases.view_patient import put_look_on_record


class UpdatePatient(Command):
    """What is set explicitly changes, `None` clears; see `Patient.amend`. `address` holds the members that change."""

    patient_id: str
    expected_revision: int | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    prefix: str | None = None
    sex: Sex | None = None
    birth_date: date | None = None
    age_years: int | None = None
    phone: str | None = None
    other_phones: list[str] | None = None
    email: str | None = None
    address: dict[str, Any] | None = None
    language: str | None = None
    abha_number: str | None = None
    abha_address: str | None = None


async def update_patient(command: UpdatePatient, tx: RegistryTx) -> Patient:
    patient = await tx.patients.get(command.patient_id, expected_revision=command.expected_revision)
    before = patient.model_copy()
    patient.amend(
        command.model_dump(exclude={"patient_id", "expected_revision"}, exclude_unset=True), local_date(tx.now)
    )
    if patient == before:
        put_look_on_record(patient, tx)
        return as_seen(patient, tx)
    if patient.phones != before.phones:
        ensure_own_record(before, tx)
        ensure_verified(set(patient.phones) - set(before.phones), tx)
        await refresh_access(patient, tx)
        await pass_on_to_wards(patient, tx)
    await tx.patients.keep(patient)
    tx.publish(PatientUpdated.of(patient))
    tx.audit(PATIENT_UPDATE, patient)
    return as_seen(patient, tx)
