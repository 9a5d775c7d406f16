"""Give a consent; given again unchanged it is the same one, given otherwise it replaces the one before."""

from libs.common.command import Command
from libs.common.ids import new_id
from libs.contracts.consents import Purpose
from libs.contracts.registry import ConsentGranted
from services.registry.domain.consent import Consent, Giver
from services.registry.domain.errors import PatientInactive
from services.registry.domain.patient import Patient
from services.registry.permissions import CONSENT_GIVE
from services.registry.use_cases.ports import RegistryTx


class GiveConsent(Command):
    """`notice_version` and `language` name the text that was shown; `scope` narrows the purpose.

    `given_by` is what staff state; of an account it is known (see `_giver`).
    """

    patient_id: str
    purpose: Purpose
    scope: list[str] = []
    notice_version: str
    language: str
    given_by: Giver = Giver.PATIENT


async def give_consent(command: GiveConsent, tx: RegistryTx) -> Consent:
    patient = await tx.patients.get(command.patient_id)
    if not patient.active:
        raise PatientInactive
    consent = Consent(
        id=new_id("con"),
        clinic_id=patient.clinic_id,
        given_at=tx.now,
        recorded_by=tx.actor.id,
        recorded_role=tx.actor.role,
        **command.model_dump(exclude={"given_by"}),
        given_by=await _giver(command.given_by, patient, tx),
    )
    known = await tx.consents.in_force(command.patient_id, command.purpose)
    if known is not None and known.says_the_same_as(consent):
        return known
    if known is not None:
        known.supersede(consent)
        tx.consents.save(known)
        tx.audit(CONSENT_GIVE, known)
    tx.consents.add(consent)
    tx.publish(ConsentGranted.of(consent))
    tx.audit(CONSENT_GIVE, consent)
    return consent


async def _giver(stated: Giver, patient: Patient, tx: RegistryTx) -> Giver:
    """An account is the patient's or a guardian's by its phone. Only where it is both, as with a mother whose number
    is her child's too, what is stated counts."""
    if tx.actor.kind != "account":
        return stated
    if not _is_one_of(patient.phones, tx):
        return Giver.GUARDIAN
    guardians = await tx.patients.relatives(patient.guardian_ids, patient.clinic_id)
    return stated if _is_one_of(patient.acting_phones(guardians), tx) else Giver.PATIENT


def _is_one_of(phones: list[str], tx: RegistryTx) -> bool:
    return any(tx.account_of(phone) == tx.actor.id for phone in phones)
