"""Prove once more who one is, for what needs a fresh proof."""

from libs.common.command import Command
from services.auth.domain.errors import CredentialsWrong, MfaCodeRequired, RefreshTokenInvalid
from services.auth.domain.session import Session
from services.auth.domain.user import SecondFactorProof
from services.auth.permissions import SESSION_STEP_UP
from services.auth.use_cases.ports import AuthTx


class StepUp(Command):
    """Either a second factor's code, or the hash the password was right for."""

    session_id: str
    proof: SecondFactorProof | None = None
    verified_hash: str | None = None


async def step_up(command: StepUp, tx: AuthTx) -> Session:
    """Raises `MfaCodeRequired` when somebody with a second factor shows a password only."""
    session = await tx.sessions.get(command.session_id)
    user = await tx.users.get(session.holder_id)
    if session.ended_at is not None or not user.believes(session.generation):
        raise RefreshTokenInvalid
    if command.proof is not None:
        user.accept(command.proof)
        tx.users.save(user)
    elif user.needs_second_factor:
        raise MfaCodeRequired
    elif command.verified_hash is None or user.password_hash != command.verified_hash:
        raise CredentialsWrong
    session.prove_again(tx.now)
    tx.sessions.save(session)
    tx.audit(SESSION_STEP_UP, session)
    return session
