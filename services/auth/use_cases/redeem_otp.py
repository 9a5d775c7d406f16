"""A right code opens a session for the account of its phone."""

from libs.common.command import Command
from services.auth.domain.session import Session
from services.auth.permissions import SESSION_OPEN
from services.auth.use_cases.ports import AuthTx


class RedeemOtp(Command):
    """The guess was counted and was right."""

    challenge_id: str


async def redeem_otp(command: RedeemOtp, tx: AuthTx) -> Session:
    challenge = await tx.challenges.get(command.challenge_id)
    challenge.redeem(tx.now)
    tx.challenges.save(challenge)
    session = Session.of_account(challenge.account_id, challenge.device_name, tx.now)
    tx.sessions.add(session)
    tx.audit(SESSION_OPEN, session)
    return session
