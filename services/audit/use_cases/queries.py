"""What can be asked of the record."""

from pydantic import BaseModel

from libs.common.command import Command
from libs.common.web.pagination import Cursor, Page
from services.audit.domain.audit_event import AuditEvent
from services.audit.domain.chain import ChainCheck, Flaw
from services.audit.use_cases.ports import AuditTx, Search


async def search_events(query: tuple[Search, Cursor], tx: AuditTx) -> Page[AuditEvent]:
    """Newest first, within the caller's sight."""
    return await tx.record.newest_first(*query)


class VerifyChain(Command):
    chain_id: str


class Verdict(BaseModel):
    """`entries` counts those that hold; `flaw` is the first thing that does not."""

    entries: int
    flaw: Flaw | None


async def verify_chain(query: VerifyChain, tx: AuditTx) -> Verdict:
    """Recompute every seal from the entries themselves. Entries that arrive meanwhile do no harm, not even the first:
    what has begun before the note is asked for has one."""
    begun = await tx.record.has_begun(query.chain_id)
    head = await tx.heads.of(query.chain_id)
    if head is None and not begun:
        return Verdict(entries=0, flaw=None)
    check = ChainCheck(tx.chain_key, head)
    async for event in tx.record.chain(query.chain_id):
        if not check.add(event):
            break
    return Verdict(entries=check.entries, flaw=check.flaw())


class AllChains(Command):
    pass


async def all_chains(_query: AllChains, tx: AuditTx) -> list[str]:
    """Those with entries or a note: either may have been taken away."""
    return sorted({*await tx.heads.all_ids(), *await tx.record.chain_ids()})
