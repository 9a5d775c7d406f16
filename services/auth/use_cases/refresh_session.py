"""Exchange a refresh token for its successor; an old one ends the session it belongs to."""

from pydantic import BaseModel

from libs.common.command import Command
from libs.contracts.auth import TokenReuseDetected
from services.auth.domain.errors import RefreshTokenInvalid
from services.auth.domain.session import Session, Turn
from services.auth.domain.user import User
from services.auth.permissions import SESSION_END
from services.auth.use_cases.ports import AuthTx


class RefreshSession(Command):
    """Hashes of the token that was shown and of the one that would follow it with this `nonce`.

    `retry` is a digest of the key the client sends again when it repeats this request; None: it will not.
    """

    session_id: str
    presented_hash: str
    successor_hash: str
    nonce: str
    retry: str | None


class Refreshed(BaseModel):
    """The successor follows from the token that was shown and `session.nonce`; there is none when it was reused."""

    session: Session
    user: User
    turn: Turn


async def refresh_session(command: RefreshSession, tx: AuthTx) -> Refreshed:
    session = await tx.sessions.get(command.session_id)
    user = await tx.users.get(session.holder_id)
    device = await tx.devices.get(session.device_id or "")
    if not user.believes(session.generation) or not device.approved:
        raise RefreshTokenInvalid
    turn = session.turn(
        command.presented_hash,
        successor_hash=command.successor_hash,
        nonce=command.nonce,
        retry=command.retry,
        now=tx.now,
    )
    if turn is not Turn.REPEATED:
        tx.sessions.save(session)
    if turn is Turn.REUSED:
        tx.publish(TokenReuseDetected.of(session, user_id=user.id))
        tx.audit(SESSION_END, session, reason=session.end_reason)
    return Refreshed(session=session, user=user, turn=turn)
