"""Clinics: opened with the platform's bootstrap token, changed by their administrators."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from libs.common.errors import PreconditionFailed, problems
from libs.common.ids import new_id
from libs.common.security.permissions import public
from libs.common.web.etag import IfMatch, set_etag
from libs.common.web.pagination import Page, PageCursor
from services.auth.adapters.known_secrets import same_secret
from services.auth.adapters.passwords import Passwords
from services.auth.adapters.second_factors import SecondFactors
from services.auth.api import access
from services.auth.api.admin_schemas import (
    ClinicPatch,
    ClinicRequest,
    ClinicSummary,
    ClinicView,
    FirstAdminRequest,
    FirstAdminView,
    OpenedClinicView,
)
from services.auth.domain import errors
from services.auth.domain.password_policy import check_password
from services.auth.use_cases.change_clinic import ChangeClinic, change_clinic
from services.auth.use_cases.open_clinic import FirstAdmin, OpenClinic, open_clinic
from services.auth.use_cases.queries import GetClinic, get_clinic, list_clinics

router = APIRouter(prefix="/clinics", tags=["clinics"])


@router.post(
    "",
    status_code=201,
    dependencies=[public("Nobody has an account before the first clinic; the bootstrap token is what counts")],
    responses=problems(
        errors.BootstrapRefused,
        errors.EmailTaken,
        errors.PasswordUnacceptable,
        errors.FirstDeviceMissing,
        errors.TooManyAttempts,
        errors.LimitsUnavailable,
        errors.TooManyLogins,
    ),
)
async def open_a_clinic(
    body: ClinicRequest,
    transact: access.Transact,
    settings: access.Settings,
    limits: access.AttemptLimits,
    passwords: access.PasswordHashes,
    factors: access.Factors,
    address: access.Address,
    x_bootstrap_token: Annotated[str, Header(max_length=400)] = "",
) -> OpenedClinicView:
    """A clinic with one or two administrators. Their second factor is in force, their given device approved."""
    await limits.bootstrap(address)
    if not same_secret(x_bootstrap_token, settings.bootstrap_token):
        raise errors.BootstrapRefused
    await limits.bootstrap_right(address)
    clinic_id = new_id("cln")
    people = [body.admin, *([body.second_admin] if body.second_admin else [])]
    if all(person.device is None for person in people):
        raise errors.FirstDeviceMissing
    for person in people:
        check_password(person.password, email=person.email)
    admins = [await _first_admin(person, clinic_id, passwords, factors) for person in people]
    command = OpenClinic(
        clinic_id=clinic_id,
        name=body.name,
        zone=body.zone,
        gstin=body.gstin,
        admins=[admin for admin, _ in admins],
    )
    await transact(open_clinic, command, by=access.ITSELF)
    views = [
        FirstAdminView(id=admin.user_id, email=admin.email, totp_secret=secret, device=person.device)
        for (admin, secret), person in zip(admins, people, strict=True)
    ]
    return OpenedClinicView(clinic_id=clinic_id, admin=views[0], second_admin=views[1] if len(views) > 1 else None)


async def _first_admin(
    person: FirstAdminRequest, clinic_id: str, passwords: Passwords, factors: SecondFactors
) -> tuple[FirstAdmin, str]:
    """The administrator to admit, and the secret of their second factor."""
    user_id = new_id("usr")
    offer = await factors.offer(user_id, clinic_id, person.email)
    admin = FirstAdmin(
        user_id=user_id,
        email=person.email,
        display_name=person.name,
        password_hash=await passwords.hash(person.password),
        totp=offer.sealed,
        device_given_id=person.device.id if person.device else None,
        device_name=person.device.name if person.device else None,
    )
    return admin, offer.secret


@router.get("")
async def read_clinics(
    caller: access.CanListClinics, transact: access.Transact, cursor: PageCursor
) -> Page[ClinicSummary]:
    """Where one can be a patient: an account sees all clinics, staff their own."""
    page = await transact.read(list_clinics, cursor, by=caller)
    return Page(items=[ClinicSummary.of(clinic) for clinic in page.items], next_cursor=page.next_cursor)


@router.get("/current", responses=problems(errors.ClinicUnknown))
async def read_own_clinic(caller: access.CanReadClinic, transact: access.Transact, response: Response) -> ClinicView:
    """The clinic one works in."""
    clinic = await transact.read(get_clinic, GetClinic(clinic_id=caller.clinic_id or ""), by=caller)
    set_etag(response, clinic.revision)
    return ClinicView.of(clinic)


@router.patch("/current", responses=problems(errors.ClinicUnknown, PreconditionFailed))
async def change_own_clinic(
    body: ClinicPatch, caller: access.CanChangeClinic, transact: access.Transact, revision: IfMatch, response: Response
) -> ClinicView:
    """Name, time zone or GST registration."""
    command = ChangeClinic(**body.model_dump(exclude_unset=True), expected_revision=revision)
    clinic = await transact(change_clinic, command, by=caller)
    set_etag(response, clinic.revision)
    return ClinicView.of(clinic)
