"""Note how long a chain is, so that a cut at its end will show."""

from libs.common.command import Command
from services.audit.domain.chain import ChainHead
from services.audit.use_cases.ports import AuditTx


class WitnessHead(Command):
    chain_id: str


async def witness_head(command: WitnessHead, tx: AuditTx) -> None:
    last, known = await tx.record.last_of(command.chain_id), await tx.heads.of(command.chain_id)
    if last is None or known is None or last.seq <= known.seq or not await _still_holds(known, tx):
        return
    tx.heads.keep(ChainHead.of(command.chain_id, last, tx.now, tx.chain_key), known)


async def _still_holds(known: ChainHead, tx: AuditTx) -> bool:
    """Whether the entry that was noted is still there: a note that moved on from a cut would hide it."""
    return known.is_genuine(tx.chain_key) and await tx.record.seal_at(known.id, known.seq) == known.seal
