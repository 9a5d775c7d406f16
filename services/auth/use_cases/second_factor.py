"""Get a second factor, or a new one: a secret first, in force with its first code."""

from libs.common.command import Command
from services.auth.domain.user import SecondFactorProof, User
from services.auth.permissions import MFA_ENROLL
from services.auth.use_cases.ports import AuthTx


class OfferSecret(Command):
    """`secret` comes encrypted for this user."""

    user_id: str
    secret: str


async def offer_secret(command: OfferSecret, tx: AuthTx) -> User:
    user = await tx.users.get(command.user_id)
    user.totp_offered = command.secret
    tx.users.save(user)
    return user


class ConfirmSecret(Command):
    user_id: str
    proof: SecondFactorProof
    recovery_codes: list[str]


async def confirm_secret(command: ConfirmSecret, tx: AuthTx) -> User:
    user = await tx.users.get(command.user_id)
    user.confirm_totp(command.proof, command.recovery_codes)
    tx.users.save(user)
    tx.audit(MFA_ENROLL, user)
    return user
