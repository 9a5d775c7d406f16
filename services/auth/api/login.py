"""Staff log in: email and password, an approved device, a second factor for those who have one."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.common.security.permissions import public
from services.auth.api import access
from services.auth.api.schemas import (
    EnrollmentView,
    LoginRequest,
    MfaRequiredView,
    MfaVerification,
    MfaVerifiedView,
    PasswordChoice,
    SessionTokensView,
)
from services.auth.domain import errors, pending_login
from services.auth.domain.device import Device
from services.auth.domain.password_policy import check_password
from services.auth.domain.secret_token import SecretToken
from services.auth.domain.session import STAFF_ACCESS
from services.auth.use_cases.finish_login import FinishLogin, finish_login
from services.auth.use_cases.log_in import LogIn, log_in
from services.auth.use_cases.queries import FindUser, GetUser, find_user, get_user
from services.auth.use_cases.set_password import SetPassword, find_invited, set_password

router = APIRouter(prefix="/auth", tags=["staff login"], dependencies=[public("Whoever logs in has no token yet")])

ACCESS_SECONDS = int(STAFF_ACCESS.total_seconds())
_MFA_SECONDS = int(pending_login.LIFE.total_seconds())


@router.post(
    "/login",
    responses=problems(
        errors.CredentialsWrong,
        errors.DeviceApprovalRequired,
        errors.DeviceRefused,
        errors.TooManyDevices,
        errors.TooManyAttempts,
        errors.LimitsUnavailable,
        errors.TooManyLogins,
    ),
)
async def log_in_with_password(
    body: LoginRequest,
    transact: access.Transact,
    limits: access.AttemptLimits,
    passwords: access.PasswordHashes,
    factors: access.Factors,
    refreshing: access.Refreshing,
    tokens: access.Tokens,
    address: access.Address,
) -> SessionTokensView | MfaRequiredView:
    """Tokens, or a question for the second factor. An unknown address takes as long as a wrong password."""
    asked = FindUser(email=body.email, device_given_id=body.device.id)
    user, approved = await transact.read(find_user, asked, by=access.ITSELF)
    approved_device = body.device.id if approved else None
    await limits.login(body.email, address, approved_device)
    right = await passwords.matches(user.password_hash if user else None, body.password)
    if user is None or user.password_hash is None or not right:
        raise errors.CredentialsWrong
    offer = None
    if user.needs_second_factor and user.totp is None:
        offer = await factors.offer(user.id, user.clinic_id, user.email)
    first = refreshing.first()
    command = LogIn(
        user_id=user.id,
        verified_hash=user.password_hash,
        device_given_id=body.device.id,
        device_name=body.device.name,
        opening=first.opening,
        offered_totp=offer.sealed if offer else None,
    )
    outcome = await transact(log_in, command, by=access.acting(user))
    await limits.login_right(body.email, address, approved_device)
    if outcome.session is not None:
        return SessionTokensView(
            access_token=tokens.of_staff(outcome.user, outcome.session),
            refresh_token=first.token,
            expires_in=ACCESS_SECONDS,
        )
    if outcome.mfa_token is not None:
        enrollment = EnrollmentView(secret=offer.secret, otpauth_uri=offer.uri) if offer else None
        return MfaRequiredView(mfa_token=outcome.mfa_token, expires_in=_MFA_SECONDS, enrollment=enrollment)
    raise _approval_required(outcome.device, outcome.device_token)


def _approval_required(device: Device, device_token: str | None) -> errors.DeviceApprovalRequired:
    """The answer names the device and gives a token that reaches `GET /auth/devices/status` and nothing else."""
    described = {"id": device.id, "device_id": device.given_id, "name": device.name, "status": device.status}
    return errors.DeviceApprovalRequired(extra={"device": described, "device_token": device_token})


@router.post(
    "/mfa/verify",
    responses=problems(
        errors.MfaTokenInvalid,
        errors.MfaCodeWrong,
        errors.MfaNotOffered,
        errors.TooManyAttempts,
        errors.LimitsUnavailable,
    ),
)
async def verify_second_factor(
    body: MfaVerification,
    transact: access.Transact,
    guesses: access.GuessCount,
    limits: access.AttemptLimits,
    factors: access.Factors,
    refreshing: access.Refreshing,
    tokens: access.Tokens,
) -> MfaVerifiedView:
    """The code of the second factor, at most five tries for one login; a code works once."""
    pending = await guesses.of_login(body.mfa_token)
    await limits.second_factor(pending.user_id)
    user = await transact.read(get_user, GetUser(user_id=pending.user_id), by=access.ITSELF)
    proof = await (factors.check_offered if pending.enrolling else factors.check)(user, body.code)
    recovery = factors.recovery_codes(user.id)
    first = refreshing.first()
    command = FinishLogin(pending_id=pending.id, proof=proof, recovery_codes=recovery.digests, opening=first.opening)
    finished = await transact(finish_login, command, by=access.acting(user))
    await limits.second_factor_right(user.id)
    return MfaVerifiedView(
        access_token=tokens.of_staff(finished.user, finished.session),
        refresh_token=first.token,
        expires_in=ACCESS_SECONDS,
        recovery_codes=recovery.plain if pending.enrolling else None,
    )


@router.post(
    "/password/set",
    status_code=204,
    responses=problems(errors.SetupTokenInvalid, errors.PasswordUnacceptable, errors.TooManyLogins),
)
async def choose_password(body: PasswordChoice, transact: access.Transact, passwords: access.PasswordHashes) -> None:
    """Choose a password with the token of an invitation or a reset; it works once."""
    token = SecretToken.parse(body.token)
    user = await transact.read(find_invited, token, by=access.ITSELF)
    check_password(body.password, email=user.email)
    command = SetPassword(token=token, password_hash=await passwords.hash(body.password))
    await transact(set_password, command, by=access.acting(user))
