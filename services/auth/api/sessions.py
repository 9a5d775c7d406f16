"""Sessions: keep one alive, look at one's own, end them, and prove once more who one is."""

from fastapi import APIRouter

from libs.common.errors import Unprocessable, problems
from libs.common.security.permissions import public
from libs.common.web.pagination import Page, PageCursor
from services.auth.api import access
from services.auth.api.login import ACCESS_SECONDS
from services.auth.api.schemas import (
    AccessView,
    Id,
    MeView,
    RefreshRequest,
    SessionTokensView,
    SessionView,
    StepUpRequest,
)
from services.auth.domain import errors
from services.auth.domain.session import Turn
from services.auth.use_cases.end_session import EndSession, end_session
from services.auth.use_cases.queries import GetUser, get_user, list_sessions
from services.auth.use_cases.refresh_session import refresh_session
from services.auth.use_cases.step_up import StepUp, step_up

router = APIRouter(prefix="/auth", tags=["sessions"])


@router.post(
    "/refresh",
    name="refresh_tokens",
    dependencies=[public("The refresh token is what is shown")],
    responses=problems(errors.RefreshTokenInvalid, errors.RefreshTokenReused),
)
async def refresh(
    body: RefreshRequest,
    transact: access.Transact,
    refreshing: access.Refreshing,
    tokens: access.Tokens,
    ended: access.Ended,
    client: access.ClientName,
    retry_key: access.RetryKey = None,
) -> SessionTokensView:
    """A new access token and the next refresh token. A token that was used before ends the session.

    A client that may lose the answer sends an `Idempotency-Key`: the same token with the same key, from the same
    client within ten seconds, gets the same answer.
    """
    command = refreshing.exchange(body.refresh_token, client, retry_key)
    try:
        refreshed = await transact(refresh_session, command, by=access.ITSELF)
    except (errors.SessionUnknown, errors.StaffUnknown, errors.DeviceUnknown):
        raise errors.RefreshTokenInvalid from None
    if refreshed.turn is Turn.REUSED or refreshed.session.nonce is None:
        await ended.refresh()
        raise errors.RefreshTokenReused
    return SessionTokensView(
        access_token=tokens.of_staff(refreshed.user, refreshed.session),
        refresh_token=refreshing.successor(body.refresh_token, refreshed.session.nonce),
        expires_in=ACCESS_SECONDS,
    )


@router.post("/logout", status_code=204, responses=problems(errors.SessionUnknown))
async def log_out(caller: access.CanEndSessions, transact: access.Transact, ended: access.Ended) -> None:
    """End this session; its access token is refused everywhere within a minute."""
    command = EndSession(session_id=caller.session_id or "", reason="logged_out")
    await transact(end_session, command, by=access.owner_of_sessions(caller))
    await ended.refresh()


@router.get("/sessions")
async def read_sessions(
    caller: access.CanReadSessions, transact: access.Transact, cursor: PageCursor
) -> Page[SessionView]:
    """One's own sessions that have not ended."""
    page = await transact.read(list_sessions, cursor, by=access.owner_of_sessions(caller))
    items = [SessionView.of(session, caller.session_id) for session in page.items]
    return Page(items=items, next_cursor=page.next_cursor)


@router.post("/sessions/{session_id}/revoke", responses=problems(errors.SessionUnknown))
async def revoke_session(
    session_id: Id, caller: access.CanEndSessions, transact: access.Transact, ended: access.Ended
) -> SessionView:
    """End one of one's own sessions, on a device that was lost for example."""
    command = EndSession(session_id=session_id, reason="revoked")
    session = await transact(end_session, command, by=access.owner_of_sessions(caller))
    await ended.refresh()
    return SessionView.of(session, caller.session_id)


@router.get("/me", responses=problems(errors.StaffUnknown))
async def read_me(caller: access.CanReadSelf, transact: access.Transact) -> MeView:
    """Who the token says one is."""
    me = MeView(id=caller.id, kind=caller.kind, role=caller.role, session_id=caller.session_id)
    if caller.kind == "account":
        return me
    user = await transact.read(get_user, GetUser(user_id=caller.id), by=caller)
    of_staff = {"clinic_id": user.clinic_id, "display_name": user.display_name, "email": user.email}
    return me.model_copy(update={**of_staff, "second_factor": user.totp is not None})


@router.post(
    "/step-up",
    responses=problems(
        errors.CredentialsWrong,
        errors.MfaCodeWrong,
        errors.MfaCodeRequired,
        errors.RefreshTokenInvalid,
        errors.StaffUnknown,
        errors.TooManyAttempts,
        errors.LimitsUnavailable,
        errors.TooManyLogins,
    ),
)
async def prove_again(
    body: StepUpRequest,
    caller: access.CanStepUp,
    transact: access.Transact,
    limits: access.AttemptLimits,
    passwords: access.PasswordHashes,
    factors: access.Factors,
    tokens: access.Tokens,
) -> AccessView:
    """An access token that says this person proved who they are just now; good for five minutes of what needs it."""
    if (body.code is None) == (body.password is None):
        raise Unprocessable("Send either code or password")
    await limits.second_factor(caller.id)
    user = await transact.read(get_user, GetUser(user_id=caller.id), by=caller)
    proof = verified_hash = None
    if body.code is not None:
        proof = await factors.check(user, body.code)
    elif await passwords.matches(user.password_hash, body.password or ""):
        verified_hash = user.password_hash
    else:
        raise errors.CredentialsWrong
    command = StepUp(session_id=caller.session_id or "", proof=proof, verified_hash=verified_hash)
    session = await transact(step_up, command, by=caller)
    await limits.second_factor_right(caller.id)
    return AccessView(access_token=tokens.of_staff(user, session), expires_in=ACCESS_SECONDS)
