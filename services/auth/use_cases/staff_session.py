"""Opening and ending sessions of staff, as several use cases do."""

from libs.common.command import Command
from services.auth.domain.session import Session
from services.auth.domain.user import User
from services.auth.permissions import SESSION_OPEN
from services.auth.use_cases.ports import AuthTx


class Opening(Command):
    """The session to open, should it come to that: its first refresh token exists before it does."""

    session_id: str
    token_hash: str


def open_session(tx: AuthTx, user: User, opening: Opening, *, device_id: str, device_name: str) -> Session:
    session = Session.of_staff(
        **opening.model_dump(),
        holder_id=user.id,
        generation=user.session_generation,
        clinic_id=user.clinic_id,
        device_id=device_id,
        device_name=device_name,
        now=tx.now,
    )
    tx.sessions.add(session)
    tx.audit(SESSION_OPEN, session)
    return session


async def end_sessions_of(tx: AuthTx, user: User, reason: str) -> None:
    """All that are open; their access tokens end within a minute. The caller saves the user."""
    user.end_sessions()
    for session in await tx.sessions.open_of(user.id):
        session.end(reason, tx.now)
        tx.sessions.save(session)
