"""Patients log in with a code sent to their phone."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.common.ids import new_id
from libs.common.security.permissions import public
from libs.contracts.auth_api import account_id
from services.auth.api import access
from services.auth.api.schemas import AccessView, OtpRequest, OtpRequestedView, OtpVerification
from services.auth.domain import errors, otp_challenge
from services.auth.domain.phone import mobile_number
from services.auth.domain.session import ACCOUNT_ACCESS
from services.auth.use_cases.queries import MayRequestOtp, may_request_otp
from services.auth.use_cases.redeem_otp import RedeemOtp, redeem_otp
from services.auth.use_cases.request_otp import RequestOtp, request_otp

router = APIRouter(
    prefix="/auth/otp", tags=["patient login"], dependencies=[public("Whoever logs in has no token yet")]
)


@router.post(
    "/request",
    name="request_login_code",
    status_code=202,
    responses=problems(
        errors.PhoneInvalid,
        errors.PhoneNotSupported,
        errors.ResendTooEarly,
        errors.TooManyAttempts,
        errors.LimitsUnavailable,
    ),
)
async def request_code(
    body: OtpRequest,
    transact: access.Transact,
    limits: access.AttemptLimits,
    codes: access.Codes,
    settings: access.Settings,
    address: access.Address,
) -> OtpRequestedView:
    """Send a code to this phone. Whether anybody knows the number makes no difference: nobody is asked."""
    phone = mobile_number(body.phone)
    account = account_id(phone, settings.account_pseudonym_key)
    await transact.read(may_request_otp, MayRequestOtp(account_id=account), by=access.ITSELF)
    challenge_id = new_id("otp")
    async with limits.otp_request(account, address):
        sealed = await codes.issue(challenge_id, phone)
        command = RequestOtp(
            challenge_id=challenge_id,
            account_id=account,
            language=body.language,
            device_name=body.device.name if body.device else None,
            **sealed._asdict(),
        )
        challenge = await transact(request_otp, command, by=access.ITSELF)
    return OtpRequestedView(
        challenge_id=challenge.id,
        expires_in=int(otp_challenge.LIFE.total_seconds()),
        resend_in=int(challenge.resend_gap.total_seconds()),
    )


@router.post(
    "/verify", name="verify_login_code", responses=problems(errors.OtpWrong, errors.OtpExpired, errors.OtpExhausted)
)
async def verify_code(
    body: OtpVerification,
    transact: access.Transact,
    guesses: access.GuessCount,
    limits: access.AttemptLimits,
    codes: access.Codes,
    tokens: access.Tokens,
    address: access.Address,
) -> AccessView:
    """A right code opens a session of 24 hours. Five guesses are looked at, no more, however they come."""
    challenge = await guesses.of_challenge(body.challenge_id)
    if not codes.matches(challenge, body.code):
        raise errors.OtpWrong(extra={"attempts_left": challenge.guesses_left})
    by = access.acting_account(challenge.account_id)
    session = await transact(redeem_otp, RedeemOtp(challenge_id=challenge.id), by=by)
    await limits.otp_right(address)
    return AccessView(access_token=tokens.of_account(session), expires_in=int(ACCOUNT_ACCESS.total_seconds()))
