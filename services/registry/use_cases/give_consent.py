"""Give a consent; given again unchanged it is the same one, given otherwise it replaces the one before."""

from libs.common.command import Command
from libs.common.ids import new_id
from libs.contracts.registry import ConsentGranted
from services.registry.domain.consent import Consent, Giver, Purpose
from services.registry.domain.errors import PatientInactive
from services.registry.permissions import CONSENT_GIVE
from services.registry.use_cases.ports import RegistryTx


class GiveConsent(Command):
    """`notice_version` and `language` name the text that was shown; `scope` narrows the purpose."""

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
        **command.model_dump(),
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
