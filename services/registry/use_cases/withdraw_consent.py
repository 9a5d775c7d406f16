"""Withdraw a consent, as easily as it was given."""

from libs.common.command import Command
from libs.contracts.registry import ConsentWithdrawn
from services.registry.domain.consent import Consent
from services.registry.permissions import CONSENT_WITHDRAW
from services.registry.use_cases.ports import RegistryTx


class WithdrawConsent(Command):
    consent_id: str
    reason: str | None = None


async def withdraw_consent(command: WithdrawConsent, tx: RegistryTx) -> Consent:
    consent = await tx.consents.get(command.consent_id)
    if consent.withdraw(by=tx.actor.id, now=tx.now, reason=command.reason):
        tx.consents.save(consent)
        tx.publish(ConsentWithdrawn.of(consent))
        tx.audit(CONSENT_WITHDRAW, consent)
    return consent
