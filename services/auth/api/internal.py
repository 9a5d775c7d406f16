"""What other services ask of auth. The gateway serves none of it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.common.errors import problems
from libs.common.security.permissions import public
from libs.common.web.body import Body
from libs.contracts.auth_api import ClinicDetails, OtpDelivery, StaffMember
from services.auth.adapters.access_tokens import SERVICE_TOKEN_LIFE
from services.auth.api import access
from services.auth.api.schemas import Id, Secret
from services.auth.domain import errors
from services.auth.use_cases.queries import (
    GetClinic,
    GetLiveChallenge,
    GetUser,
    get_clinic,
    get_live_challenge,
    get_user,
)

router = APIRouter(prefix="/internal", tags=["internal"])

ServiceName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{1,31}$",
        description="A service's name in small letters, digits and dashes",
        examples=["scheduling"],
    ),
]
_SENDER = "svc:notifications"


class ServiceTokenRequest(Body):
    service: ServiceName
    audience: ServiceName
    secret: Secret


class ServiceTokenView(BaseModel):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme
    expires_in: int


@router.post(
    "/service-tokens",
    dependencies=[public("The service's secret is what is shown")],
    responses=problems(errors.ServiceSecretWrong, errors.TooManyAttempts, errors.LimitsUnavailable),
)
async def issue_service_token(
    body: ServiceTokenRequest,
    secrets: access.Secrets,
    limits: access.AttemptLimits,
    tokens: access.Tokens,
    address: access.Address,
) -> ServiceTokenView:
    """A token for one audience, for one minute."""
    await limits.service_token(body.service, address)
    if not secrets.belongs_to(body.service, body.secret):
        raise errors.ServiceSecretWrong
    await limits.service_token_right(body.service, address)
    token = tokens.of_service(body.service, body.audience)
    return ServiceTokenView(access_token=token, expires_in=int(SERVICE_TOKEN_LIFE.total_seconds()))


@router.get("/staff/{user_id}", responses=problems(errors.StaffUnknown))
async def read_staff_details(user_id: Id, caller: access.AsStaffReader, transact: access.Transact) -> StaffMember:
    user = await transact.read(get_user, GetUser(user_id=user_id), by=caller)
    return StaffMember(
        id=user.id,
        clinic_id=user.clinic_id,
        role=user.role,
        display_name=user.display_name,
        active=user.active,
        seq=user.revision,
    )


@router.get("/clinics/{clinic_id}", responses=problems(errors.ClinicUnknown))
async def read_clinic_details(clinic_id: Id, caller: access.AsClinicReader, transact: access.Transact) -> ClinicDetails:
    clinic = await transact.read(get_clinic, GetClinic(clinic_id=clinic_id), by=caller)
    return ClinicDetails(id=clinic.id, name=clinic.name, zone=clinic.zone)


@router.get("/otp-challenges/{challenge_id}/delivery", responses=problems(errors.ChallengeUnknown))
async def read_delivery(
    challenge_id: Id, caller: access.AsOtpSender, transact: access.Transact, codes: access.Codes
) -> OtpDelivery:
    """Phone and code of a challenge while the code is good. For the one service that sends them; to others there is
    no such thing."""
    if caller.id != _SENDER:
        raise errors.ChallengeUnknown
    challenge = await transact.read(get_live_challenge, GetLiveChallenge(challenge_id=challenge_id), by=caller)
    delivery = await codes.delivery(challenge)
    return OtpDelivery(
        challenge_id=challenge.id,
        phone=delivery.phone,
        code=delivery.code,
        language=challenge.language,
        expires_at=challenge.expires_at,
    )
