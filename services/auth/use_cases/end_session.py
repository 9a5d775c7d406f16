"""End one of one's own sessions: log out here, or throw out a device elsewhere."""

from libs.common.command import Command
from services.auth.domain.session import Session
from services.auth.permissions import SESSION_END
from services.auth.use_cases.ports import AuthTx


class EndSession(Command):
    session_id: str
    reason: str


async def end_session(command: EndSession, tx: AuthTx) -> Session:
    session = await tx.sessions.get(command.session_id)
    if session.ended_at is None:
        session.end(command.reason, tx.now)
        tx.sessions.save(session)
        tx.audit(SESSION_END, session, reason=command.reason)
    return session
