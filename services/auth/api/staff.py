"""Staff of a clinic: take on, look at, change, help."""

from fastapi import APIRouter, Response

from libs.common.errors import PreconditionFailed, problems
from libs.common.ids import new_id
from libs.common.security.permissions import StepUpRequired
from libs.common.web.etag import IfMatch, set_etag
from libs.common.web.pagination import Page, PageCursor
from services.auth.api import access
from services.auth.api.admin_schemas import InvitedView, SetupTokenView, StaffPatch, StaffRequest, StaffView
from services.auth.api.schemas import Id
from services.auth.domain import errors
from services.auth.domain.password_policy import check_password
from services.auth.domain.phone import mobile_number
from services.auth.use_cases.change_staff import ChangeStaff, change_staff
from services.auth.use_cases.invite_staff import InviteStaff, invite_staff
from services.auth.use_cases.queries import GetUser, get_user, list_users
from services.auth.use_cases.reset_staff import ResetStaff, reset_password, reset_second_factor

router = APIRouter(prefix="/staff", tags=["staff"])


@router.post(
    "",
    status_code=201,
    responses=problems(
        StepUpRequired,
        errors.EmailTaken,
        errors.PasswordUnacceptable,
        errors.PhoneInvalid,
        errors.PhoneNotSupported,
        errors.TooManyLogins,
    ),
)
async def invite_staff_member(
    body: StaffRequest,
    caller: access.CanInviteStaff,
    transact: access.Transact,
    passwords: access.PasswordHashes,
    phones: access.Phones,
    response: Response,
) -> InvitedView:
    """With a password they can log in at once, from a device somebody approves; else with the setup token first."""
    user_id, clinic_id = new_id("usr"), caller.clinic_id or ""
    phone = mobile_number(body.phone) if body.phone else None
    password_hash = None
    if body.password is not None:
        check_password(body.password, email=body.email)
        password_hash = await passwords.hash(body.password)
    command = InviteStaff(
        user_id=user_id,
        email=body.email,
        display_name=body.name,
        role=body.role,
        phone=await phones.seal(phone, clinic_id=clinic_id, user_id=user_id) if phone else None,
        password_hash=password_hash,
    )
    invited = await transact(invite_staff, command, by=caller)
    set_etag(response, invited.user.revision)
    shown = StaffView.of(invited.user, phone)
    return InvitedView(**shown.model_dump(), setup_token=invited.setup_token)


@router.get("")
async def read_staff(
    caller: access.CanReadStaff, transact: access.Transact, phones: access.Phones, cursor: PageCursor
) -> Page[StaffView]:
    """Everybody who works or worked in the clinic."""
    page = await transact.read(list_users, cursor, by=caller)
    items = [StaffView.of(user, await phones.of(user)) for user in page.items]
    return Page(items=items, next_cursor=page.next_cursor)


@router.get("/{user_id}", responses=problems(errors.StaffUnknown))
async def read_staff_member(
    user_id: Id, caller: access.CanReadStaff, transact: access.Transact, phones: access.Phones, response: Response
) -> StaffView:
    user = await transact.read(get_user, GetUser(user_id=user_id), by=caller)
    set_etag(response, user.revision)
    return StaffView.of(user, await phones.of(user))


@router.patch(
    "/{user_id}",
    responses=problems(StepUpRequired, errors.StaffUnknown, errors.OwnAccount, errors.LastAdmin, PreconditionFailed),
)
async def change_staff_member(
    user_id: Id,
    body: StaffPatch,
    caller: access.CanChangeStaff,
    transact: access.Transact,
    phones: access.Phones,
    ended: access.Ended,
    revision: IfMatch,
    response: Response,
) -> StaffView:
    """Name, role or status. Nobody changes their own role or status, and the last administrator stays."""
    command = ChangeStaff(
        user_id=user_id, display_name=body.name, role=body.role, active=body.active, expected_revision=revision
    )
    user = await transact(change_staff, command, by=caller)
    await ended.refresh()
    set_etag(response, user.revision)
    return StaffView.of(user, await phones.of(user))


@router.post("/{user_id}/reset-password", responses=problems(StepUpRequired, errors.StaffUnknown, errors.OwnReset))
async def reset_their_password(
    user_id: Id, caller: access.CanResetStaff, transact: access.Transact, ended: access.Ended
) -> SetupTokenView:
    """The old password stops working, all sessions end, and a token lets them choose a new one."""
    reset = await transact(reset_password, ResetStaff(user_id=user_id), by=caller)
    await ended.refresh()
    return SetupTokenView(user_id=reset.user.id, setup_token=reset.setup_token)


@router.post("/{user_id}/reset-mfa", status_code=204, responses=problems(StepUpRequired, errors.StaffUnknown))
async def reset_their_second_factor(
    user_id: Id, caller: access.CanResetStaff, transact: access.Transact, ended: access.Ended
) -> None:
    """For a lost phone: the second factor and its recovery codes are gone, and all sessions end."""
    await transact(reset_second_factor, ResetStaff(user_id=user_id), by=caller)
    await ended.refresh()
