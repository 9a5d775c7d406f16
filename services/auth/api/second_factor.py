"""Set up a second factor."""

from fastapi import APIRouter

from libs.common.errors import problems
from libs.common.security.permissions import StepUpRequired
from services.auth.api import access
from services.auth.api.schemas import EnrollmentView, MfaConfirmation, RecoveryCodesView
from services.auth.domain import errors
from services.auth.use_cases.queries import GetUser, get_user
from services.auth.use_cases.second_factor import ConfirmSecret, OfferSecret, confirm_secret, offer_secret

router = APIRouter(prefix="/auth/mfa", tags=["second factor"])


@router.post("/enroll", responses=problems(StepUpRequired, errors.StaffUnknown))
async def enroll_second_factor(
    caller: access.CanEnroll, transact: access.Transact, factors: access.Factors
) -> EnrollmentView:
    """A secret for the authenticator app. It is in force when its first code comes; an older one stays until then."""
    user = await transact.read(get_user, GetUser(user_id=caller.id), by=caller)
    offer = await factors.offer(user.id, user.clinic_id, user.email)
    await transact(offer_secret, OfferSecret(user_id=user.id, secret=offer.sealed), by=caller)
    return EnrollmentView(secret=offer.secret, otpauth_uri=offer.uri)


@router.post(
    "/confirm",
    responses=problems(
        StepUpRequired,
        errors.StaffUnknown,
        errors.MfaCodeWrong,
        errors.MfaNotOffered,
        errors.TooManyAttempts,
        errors.LimitsUnavailable,
    ),
)
async def confirm_second_factor(
    body: MfaConfirmation,
    caller: access.CanEnroll,
    transact: access.Transact,
    limits: access.AttemptLimits,
    factors: access.Factors,
) -> RecoveryCodesView:
    """The first code puts the secret in force. The recovery codes are shown once: keep them on paper."""
    await limits.second_factor(caller.id)
    user = await transact.read(get_user, GetUser(user_id=caller.id), by=caller)
    proof = await factors.check_offered(user, body.code)
    recovery = factors.recovery_codes(user.id)
    command = ConfirmSecret(user_id=user.id, proof=proof, recovery_codes=recovery.digests)
    await transact(confirm_secret, command, by=caller)
    await limits.second_factor_right(caller.id)
    return RecoveryCodesView(recovery_codes=recovery.plain)
