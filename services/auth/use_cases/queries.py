"""What can be asked of auth; nothing here changes anything."""

from libs.common.command import Command
from libs.common.web.pagination import Cursor, Page
from services.auth.domain.clinic import Clinic
from services.auth.domain.device import Device, DeviceStatus
from services.auth.domain.errors import ChallengeUnknown
from services.auth.domain.otp_challenge import OtpChallenge, check_resend
from services.auth.domain.session import Session
from services.auth.domain.user import User
from services.auth.use_cases.ports import AuthTx


class MayRequestOtp(Command):
    account_id: str


async def may_request_otp(query: MayRequestOtp, tx: AuthTx) -> None:
    """Raises `ResendTooEarly`."""
    check_resend(await tx.challenges.newest_of(query.account_id), tx.now)


class GetLiveChallenge(Command):
    challenge_id: str


async def get_live_challenge(query: GetLiveChallenge, tx: AuthTx) -> OtpChallenge:
    """Raises `ChallengeUnknown` when its code is of no use any more, or a newer one is on its way: they would arrive
    in the wrong order."""
    challenge = await tx.challenges.get(query.challenge_id)
    newest = await tx.challenges.newest_of(challenge.account_id)
    overtaken = newest is not None and newest.number > challenge.number
    if overtaken or not challenge.is_live(tx.now) or challenge.guesses_left == 0:
        raise ChallengeUnknown
    return challenge


class FindUser(Command):
    """`device_given_id` is the id that the device gave itself."""

    email: str
    device_given_id: str


async def find_user(query: FindUser, tx: AuthTx) -> tuple[User | None, bool]:
    """Who has the address, and whether this device is approved for them; two reads, whoever has it or not."""
    user = await tx.users.with_email(query.email)
    device = await tx.devices.of_user(user.id if user else "", query.device_given_id)
    return user, device is not None and device.approved


class GetUser(Command):
    user_id: str


async def get_user(query: GetUser, tx: AuthTx) -> User:
    return await tx.users.get(query.user_id)


async def list_users(cursor: Cursor, tx: AuthTx) -> Page[User]:
    return await tx.users.listed(cursor)


class GetDevice(Command):
    device_id: str


async def get_device(query: GetDevice, tx: AuthTx) -> Device:
    return await tx.devices.get(query.device_id)


class ListDevices(Command):
    status: DeviceStatus | None = None


async def list_devices(query: tuple[ListDevices, Cursor], tx: AuthTx) -> Page[Device]:
    wanted, cursor = query
    return await tx.devices.listed(cursor, wanted.status)


async def list_sessions(cursor: Cursor, tx: AuthTx) -> Page[Session]:
    """The caller's own, those that have not ended."""
    return await tx.sessions.listed(cursor, tx.actor.id)


class GetClinic(Command):
    clinic_id: str


async def get_clinic(query: GetClinic, tx: AuthTx) -> Clinic:
    return await tx.clinics.get(query.clinic_id)


async def list_clinics(cursor: Cursor, tx: AuthTx) -> Page[Clinic]:
    return await tx.clinics.listed(cursor)


class ListDoctors(Command):
    clinic_id: str


async def list_doctors(query: tuple[ListDoctors, Cursor], tx: AuthTx) -> Page[User]:
    """The active ones of a clinic. Raises `ClinicUnknown` when there is none, or it is another than the caller's."""
    wanted, cursor = query
    clinic = await tx.clinics.get(wanted.clinic_id)
    return await tx.users.doctors_listed(clinic.id, cursor)
