"""The record: search it, verify it, and see who saw yours."""

from typing import Annotated

from fastapi import APIRouter, Query

from libs.common.web.pagination import Page, PageCursor
from services.audit.api import access
from services.audit.api.schemas import AccessView, AuditEventView, VerdictView
from services.audit.domain.audit_event import PLATFORM_CHAIN
from services.audit.use_cases.ports import Search
from services.audit.use_cases.queries import VerifyChain, search_events, verify_chain

router = APIRouter(prefix="/audit", tags=["audit"])

Filter = Annotated[str | None, Query(min_length=1, max_length=120)]


@router.get("/events")
async def read_events(
    caller: access.CanReadEvents,
    transact: access.Transact,
    cursor: PageCursor,
    entity_id: Filter = None,
    subject_id: Annotated[str | None, Query(max_length=120, description="Whose record: a patient's id")] = None,
    actor_id: Filter = None,
    action: Filter = None,
) -> Page[AuditEventView]:
    """Entries of the caller's clinic that match all that is given, newest first. Damaged ones are left out: `verify`
    says where the first of them stands."""
    search = Search(entity_id=entity_id, subject_id=subject_id, actor_id=actor_id, action=action)
    page = await transact.read(search_events, (search, cursor), by=caller)
    return Page(items=[AuditEventView.of(event) for event in page.items], next_cursor=page.next_cursor)


@router.get("/verify")
async def verify(caller: access.CanVerify, transact: access.Transact) -> VerdictView:
    """Recompute the clinic's whole chain from its entries, and compare its length with what was noted; then the
    platform's own, where logins of patients and the life of keys are. `entries` counts the clinic's."""
    own = await transact.read(verify_chain, VerifyChain(chain_id=caller.clinic_id or ""), by=caller)
    if own.flaw is not None:
        return VerdictView(ok=False, entries=own.entries, first_bad_seq=own.flaw.seq, reason=own.flaw.what)
    shared = await transact.read(verify_chain, VerifyChain(chain_id=PLATFORM_CHAIN), by=caller)
    if shared.flaw is not None:
        return VerdictView(ok=False, entries=own.entries, reason=f"in the platform's own record {shared.flaw.what}")
    return VerdictView(ok=True, entries=own.entries)


@router.get("/my-access")
async def read_my_access(
    caller: access.CanReadOwnAccess, transact: access.Transact, cursor: PageCursor
) -> Page[AccessView]:
    """Who looked at or changed the records of the patients this account stands for, newest first."""
    page = await transact.read(search_events, (Search(), cursor), by=caller)
    return Page(items=[AccessView.of(event) for event in page.items], next_cursor=page.next_cursor)
