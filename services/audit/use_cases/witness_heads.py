"""Note how long a chain is, so that a cut at its end will show."""

from libs.common.command import Command
from services.audit.domain.chain import ChainHead
from services.audit.use_cases.ports import AuditTx


class WitnessHead(Command):
    chain_id: str


async def witness_head(command: WitnessHead, tx: AuditTx) -> None:
    last, known = await tx.record.last_of(command.chain_id), await tx.heads.of(command.chain_id)
    if last is not None and (known is None or last.seq > known.seq):
        tx.heads.keep(ChainHead.of(last, tx.now, tx.chain_key), known)
