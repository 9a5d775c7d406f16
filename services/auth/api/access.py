"""The callers and parts that endpoints of auth take."""

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Annotated

from fastapi import Depends, Header, Request

from libs.common.mongo.transact import Transactor
from libs.common.security.caller import Caller, Reach, system_caller
from libs.common.security.permissions import requires
from libs.common.web.dependencies import part, transactor
from libs.contracts.roles import PATIENT
from services.auth import permissions as may
from services.auth.adapters.access_tokens import AccessTokens
from services.auth.adapters.ended_sessions import EndedSessions
from services.auth.adapters.known_secrets import ServiceSecrets
from services.auth.adapters.limits import Limits
from services.auth.adapters.one_time_codes import OneTimeCodes
from services.auth.adapters.passwords import Passwords
from services.auth.adapters.refresh_tokens import RefreshTokens
from services.auth.adapters.second_factors import SecondFactors
from services.auth.adapters.signing_keys import StoredSigningKeys
from services.auth.adapters.staff_phones import StaffPhones
from services.auth.api.schemas import RetryKeyText
from services.auth.domain.clinic import PLATFORM
from services.auth.domain.user import User
from services.auth.persistence.guesses import Guesses
from services.auth.settings import AuthSettings
from services.auth.use_cases.ports import AuthTx

Transact = Annotated[Transactor[AuthTx], Depends(transactor)]
Settings = Annotated[AuthSettings, Depends(part("settings"))]
GuessCount = Annotated[Guesses, Depends(part("guesses"))]
AttemptLimits = Annotated[Limits, Depends(part("limits"))]
Codes = Annotated[OneTimeCodes, Depends(part("codes"))]
PasswordHashes = Annotated[Passwords, Depends(part("passwords"))]
Factors = Annotated[SecondFactors, Depends(part("second_factors"))]
Refreshing = Annotated[RefreshTokens, Depends(part("refresh_tokens"))]
Tokens = Annotated[AccessTokens, Depends(part("access_tokens"))]
Keys = Annotated[StoredSigningKeys, Depends(part("signing_keys"))]
Ended = Annotated[EndedSessions, Depends(part("ended_sessions"))]
Phones = Annotated[StaffPhones, Depends(part("staff_phones"))]
Secrets = Annotated[ServiceSecrets, Depends(part("service_secrets"))]

CanReadSelf = Annotated[Caller, requires(may.SELF_READ)]
CanReadSessions = Annotated[Caller, requires(may.SESSION_READ)]
CanEndSessions = Annotated[Caller, requires(may.SESSION_END)]
CanStepUp = Annotated[Caller, requires(may.SESSION_STEP_UP)]
CanEnroll = Annotated[Caller, requires(may.MFA_ENROLL)]
CanReadDevices = Annotated[Caller, requires(may.DEVICE_READ)]
CanDecideDevices = Annotated[Caller, requires(may.DEVICE_DECIDE)]
CanReadStaff = Annotated[Caller, requires(may.STAFF_READ)]
CanInviteStaff = Annotated[Caller, requires(may.STAFF_INVITE)]
CanChangeStaff = Annotated[Caller, requires(may.STAFF_CHANGE)]
CanResetStaff = Annotated[Caller, requires(may.STAFF_RESET)]
CanReadClinic = Annotated[Caller, requires(may.CLINIC_READ)]
CanChangeClinic = Annotated[Caller, requires(may.CLINIC_CHANGE)]
CanListClinics = Annotated[Caller, requires(may.CLINIC_LIST)]
CanListDoctors = Annotated[Caller, requires(may.DOCTOR_LIST)]
AsStaffReader = Annotated[Caller, requires(may.STAFF_DETAILS)]
AsClinicReader = Annotated[Caller, requires(may.CLINIC_DETAILS)]
AsOtpSender = Annotated[Caller, requires(may.OTP_DELIVERY)]

ITSELF = system_caller("auth", None)
"""Who acts before it is known who calls."""


def acting(user: User) -> Caller:
    """A staff member who has just shown who they are, before there is a token that says so."""
    return Caller(id=user.id, role=user.role, kind="staff", clinic_id=user.clinic_id, reach=Reach.CLINIC)


def acting_account(account_id: str) -> Caller:
    """The same for a patient's account, which belongs to no clinic."""
    return Caller(id=account_id, role=PATIENT, kind="account", reach=Reach.EVERYWHERE)


def owner_of_sessions(caller: Caller) -> Caller:
    """An account stands for patients elsewhere; here it owns its own sessions."""
    return replace(caller, owns={caller.id: PLATFORM}) if caller.kind == "account" else caller


async def _address(request: Request) -> str:
    """The peer, or the client that the gateway names to uvicorn; of IPv6 the /64, which is one household."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False).network_address)
    return host


async def _client(user_agent: Annotated[str, Header(include_in_schema=False)] = "") -> str:
    return user_agent


Address = Annotated[str, Depends(_address)]
ClientName = Annotated[str, Depends(_client)]
"""What the client says it is: all that can be seen of a device that has no key of its own."""
RetryKey = Annotated[RetryKeyText | None, Header(alias="Idempotency-Key")]
