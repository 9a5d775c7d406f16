"""After the right password: a session, a question for the second factor, or a device that must be approved first."""

from pydantic import BaseModel

from libs.common.command import Command
from libs.contracts.auth import DeviceApprovalRequested
from services.auth.domain.device import Device, DeviceStatus
from services.auth.domain.errors import CredentialsWrong, DeviceRefused, TooManyDevices
from services.auth.domain.pending_login import PendingLogin
from services.auth.domain.session import Session
from services.auth.domain.user import User
from services.auth.permissions import DEVICE_REQUEST
from services.auth.use_cases.ports import AuthTx
from services.auth.use_cases.staff_session import Opening, open_session

MOST_WAITING_DEVICES = 10


class LogIn(Command):
    """`verified_hash` is what the password was right for; a password changed meanwhile does not count.

    `offered_totp` is an encrypted secret for those who must have a second factor and do not have one yet.
    """

    user_id: str
    verified_hash: str
    device_given_id: str
    device_name: str
    opening: Opening
    offered_totp: str | None = None


class LoginOutcome(BaseModel):
    """Exactly one of `session`, `mfa_token` and `device_token` is there."""

    user: User
    device: Device
    session: Session | None = None
    mfa_token: str | None = None
    device_token: str | None = None


async def log_in(command: LogIn, tx: AuthTx) -> LoginOutcome:
    user = await tx.users.get(command.user_id)
    if not user.active or user.password_hash != command.verified_hash:
        raise CredentialsWrong
    device = await tx.devices.of_user(user.id, command.device_given_id)
    if device is None or not device.approved:
        return await _wait_for_approval(command, user, device, tx)
    if user.needs_second_factor:
        return _ask_for_code(command, user, device, tx)
    session = open_session(tx, user, command.opening, device_id=device.id, device_name=device.name)
    return LoginOutcome(user=user, device=device, session=session)


async def _wait_for_approval(command: LogIn, user: User, device: Device | None, tx: AuthTx) -> LoginOutcome:
    if device is not None:
        if device.status is DeviceStatus.REJECTED:
            raise DeviceRefused
        token = device.new_status_token()
        tx.devices.save(device)
        return LoginOutcome(user=user, device=device, device_token=str(token))
    if await tx.devices.waiting_of(user.id) >= MOST_WAITING_DEVICES:
        raise TooManyDevices
    device = Device.requested(
        user_id=user.id,
        clinic_id=user.clinic_id,
        given_id=command.device_given_id,
        name=command.device_name,
        now=tx.now,
    )
    token = device.new_status_token()
    tx.devices.add(device)
    tx.publish(DeviceApprovalRequested.of(device))
    tx.audit(DEVICE_REQUEST, device)
    return LoginOutcome(user=user, device=device, device_token=str(token))


def _ask_for_code(command: LogIn, user: User, device: Device, tx: AuthTx) -> LoginOutcome:
    pending, token = PendingLogin.begin(
        device, generation=user.session_generation, enrolling=user.totp is None, now=tx.now
    )
    tx.pending_logins.add(pending)
    if user.totp is None:
        user.totp_offered = command.offered_totp
        tx.users.save(user)
    return LoginOutcome(user=user, device=device, mfa_token=str(token))
