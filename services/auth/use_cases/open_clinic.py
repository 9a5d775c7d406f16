"""Open a clinic with its first administrators, whose first devices nobody else could approve."""

from libs.common.command import Command
from libs.contracts.auth import ClinicChanged, StaffChanged
from libs.contracts.roles import ADMIN
from services.auth.domain.clinic import Clinic
from services.auth.domain.device import Device
from services.auth.domain.user import User
from services.auth.permissions import CLINIC_OPEN
from services.auth.use_cases.ports import AuthTx


class FirstAdmin(Command):
    """`totp` comes encrypted for this user. A device that is given is approved by the bootstrap token's holder."""

    user_id: str
    email: str
    display_name: str
    password_hash: str
    totp: str
    device_given_id: str | None = None
    device_name: str | None = None


class OpenClinic(Command):
    clinic_id: str
    name: str
    zone: str
    gstin: str | None = None
    admins: list[FirstAdmin]


async def open_clinic(command: OpenClinic, tx: AuthTx) -> Clinic:
    clinic = Clinic(
        id=command.clinic_id,
        clinic_id=command.clinic_id,
        name=command.name,
        zone=command.zone,
        gstin=command.gstin,
        admin_ids=[admin.user_id for admin in command.admins],
    )
    tx.clinics.add(clinic)
    tx.publish(ClinicChanged.of(clinic))
    tx.audit(CLINIC_OPEN, clinic)
    for admin in command.admins:
        _admit(admin, clinic, tx)
    return clinic


def _admit(admin: FirstAdmin, clinic: Clinic, tx: AuthTx) -> None:
    user = User(
        id=admin.user_id,
        clinic_id=clinic.id,
        email=admin.email,
        display_name=admin.display_name,
        role=ADMIN,
        password_hash=admin.password_hash,
        totp=admin.totp,
    )
    tx.users.add(user)
    tx.publish(StaffChanged.of(user))
    tx.audit(CLINIC_OPEN, user)
    if admin.device_given_id is not None:
        device = Device.requested(
            user_id=user.id,
            clinic_id=clinic.id,
            given_id=admin.device_given_id,
            name=admin.device_name or admin.device_given_id,
            now=tx.now,
        )
        device.approve(tx.actor.id, tx.now)
        tx.devices.add(device)
        tx.audit(CLINIC_OPEN, device)
