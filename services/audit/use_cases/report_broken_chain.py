"""Tell the platform that a chain does not hold."""

from libs.common.command import Command
from libs.contracts.audit import AuditChainBroken
from services.audit.use_cases.ports import AuditTx


class ReportBrokenChain(Command):
    chain_id: str
    first_bad_seq: int


async def report_broken_chain(command: ReportBrokenChain, tx: AuditTx) -> None:
    tx.publish(AuditChainBroken(chain_id=command.chain_id, first_bad_seq=command.first_bad_seq))
