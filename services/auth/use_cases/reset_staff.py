"""Help somebody who lost a password or a second factor, or whose password somebody else may know."""

from pydantic import BaseModel

from libs.common.command import Command
from services.auth.domain.errors import OwnReset
from services.auth.domain.user import User
from services.auth.permissions import STAFF_RESET
from services.auth.use_cases.ports import AuthTx
from services.auth.use_cases.staff_session import end_sessions_of


class ResetStaff(Command):
    user_id: str


class PasswordReset(BaseModel):
    user: User
    setup_token: str


async def reset_password(command: ResetStaff, tx: AuthTx) -> PasswordReset:
    """The old password stops working at once, and all sessions end. Raises `OwnReset`."""
    if command.user_id == tx.actor.id:
        raise OwnReset
    user = await tx.users.get(command.user_id)
    token = user.invite(tx.now)
    await end_sessions_of(tx, user, "password_reset")
    tx.users.save(user)
    tx.audit(STAFF_RESET, user, reason="password")
    return PasswordReset(user=user, setup_token=str(token))


async def reset_second_factor(command: ResetStaff, tx: AuthTx) -> User:
    """They enroll anew; administrators must, with their next login."""
    user = await tx.users.get(command.user_id)
    user.forget_second_factor()
    await end_sessions_of(tx, user, "second_factor_reset")
    tx.users.save(user)
    tx.audit(STAFF_RESET, user, reason="second_factor")
    return user
