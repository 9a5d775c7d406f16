"""Take somebody on: with a token to choose a password, or with a password agreed face to face."""

from pydantic import BaseModel

from libs.common.command import Command
from libs.contracts.auth import StaffChanged
from libs.contracts.roles import Role
from services.auth.domain.user import User
from services.auth.permissions import STAFF_INVITE
from services.auth.use_cases.ports import AuthTx


class InviteStaff(Command):
    """`phone` comes encrypted for this user."""

    user_id: str
    email: str
    display_name: str
    role: Role
    phone: str | None = None
    password_hash: str | None = None


class Invited(BaseModel):
    """`setup_token` is None when there is a password already."""

    user: User
    setup_token: str | None


async def invite_staff(command: InviteStaff, tx: AuthTx) -> Invited:
    user = User(id=command.user_id, clinic_id=tx.clinic_id, **command.model_dump(exclude={"user_id"}))
    token = None if user.password_hash else str(user.invite(tx.now))
    if user.administers:
        clinic = await tx.clinics.get(tx.clinic_id)
        clinic.admit_admin(user.id)
        tx.clinics.save(clinic)
    tx.users.add(user)
    tx.publish(StaffChanged.of(user))
    tx.audit(STAFF_INVITE, user)
    return Invited(user=user, setup_token=token)
