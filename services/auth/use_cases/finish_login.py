"""The second factor was right: the login that waited for it becomes a session."""

from pydantic import BaseModel

from libs.common.command import Command
from services.auth.domain.errors import MfaTokenInvalid
from services.auth.domain.session import Session
from services.auth.domain.user import SecondFactorProof, User
from services.auth.permissions import MFA_ENROLL
from services.auth.use_cases.ports import AuthTx
from services.auth.use_cases.staff_session import Opening, open_session


class FinishLogin(Command):
    """`recovery_codes` (digests) are kept when this code is the first of a new secret."""

    pending_id: str
    proof: SecondFactorProof
    recovery_codes: list[str]
    opening: Opening


class Finished(BaseModel):
    user: User
    session: Session


async def finish_login(command: FinishLogin, tx: AuthTx) -> Finished:
    pending = await tx.pending_logins.get(command.pending_id)
    pending.redeem(tx.now)
    user = await tx.users.get(pending.user_id)
    device = await tx.devices.get(pending.device_id)
    if not user.believes(pending.generation) or not device.approved:
        raise MfaTokenInvalid
    if pending.enrolling:
        user.confirm_totp(command.proof, command.recovery_codes)
        tx.audit(MFA_ENROLL, user)
    else:
        user.accept(command.proof)
    tx.pending_logins.save(pending)
    tx.users.save(user)
    session = open_session(tx, user, command.opening, device_id=device.id, device_name=device.name)
    return Finished(user=user, session=session)
