"""Choose a password with the token of an invitation or a reset."""

from libs.common.command import Command
from services.auth.domain.errors import SetupTokenInvalid, StaffUnknown
from services.auth.domain.secret_token import SecretToken
from services.auth.domain.user import User
from services.auth.permissions import PASSWORD_SET
from services.auth.use_cases.ports import AuthTx


class SetPassword(Command):
    token: SecretToken
    password_hash: str


async def find_invited(token: SecretToken, tx: AuthTx) -> User:
    """Whom the token was given to. Raises `SetupTokenInvalid`, for unknown people too."""
    try:
        user = await tx.users.get(token.id)
    except StaffUnknown:
        raise SetupTokenInvalid from None
    user.check_setup(token, tx.now)
    return user


async def set_password(command: SetPassword, tx: AuthTx) -> User:
    user = await find_invited(command.token, tx)
    user.choose_password(command.password_hash)
    tx.users.save(user)
    tx.audit(PASSWORD_SET, user)
    return user
