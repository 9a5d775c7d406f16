"""Change a staff member's name, role or status."""

from libs.common.command import Command
from libs.contracts.auth import StaffChanged
from libs.contracts.roles import Role
from services.auth.domain.errors import OwnAccount
from services.auth.domain.user import User
from services.auth.permissions import STAFF_CHANGE
from services.auth.use_cases.ports import AuthTx
from services.auth.use_cases.staff_session import end_sessions_of


class ChangeStaff(Command):
    """Only what is given changes."""

    user_id: str
    display_name: str | None = None
    role: Role | None = None
    active: bool | None = None
    expected_revision: int | None = None


async def change_staff(command: ChangeStaff, tx: AuthTx) -> User:
    """A new role or status ends all sessions: tokens name the role. Raises `OwnAccount`, `LastAdmin`."""
    user = await tx.users.get(command.user_id, expected_revision=command.expected_revision)
    before = user.model_copy()
    for name, value in command.model_dump(include={"display_name", "role", "active"}, exclude_none=True).items():
        setattr(user, name, value)
    if (user.role, user.active) != (before.role, before.active):
        if user.id == tx.actor.id:
            raise OwnAccount
        await _count_admins(user, before, tx)
        await end_sessions_of(tx, user, "role_or_status_changed")
    tx.users.save(user)
    tx.publish(StaffChanged.of(user))
    tx.audit(STAFF_CHANGE, user)
    return user


async def _count_admins(user: User, before: User, tx: AuthTx) -> None:
    if user.administers == before.administers:
        return
    clinic = await tx.clinics.get(user.clinic_id)
    if user.administers:
        clinic.admit_admin(user.id)
    else:
        clinic.release_admin(user.id)
    tx.clinics.save(clinic)
