"""The cron table of audit."""

from datetime import datetime

from libs.common.jobs import Job
from libs.common.runtime import Runtime
from libs.common.security.caller import system_caller
from libs.common.telemetry.logs import get_logger
from services.audit.use_cases.ports import AuditTx
from services.audit.use_cases.queries import AllChains, VerifyChain, all_chains, verify_chain
from services.audit.use_cases.report_broken_chain import ReportBrokenChain, report_broken_chain

_log = get_logger(__name__)


def schedule(runtime: Runtime[AuditTx]) -> list[Job]:
    """The jobs, bound to their runtime."""

    async def verify_one(chain_id: str) -> None:
        by = system_caller("audit", chain_id)
        verdict = await runtime.transact.read(verify_chain, VerifyChain(chain_id=chain_id), by=by)
        if verdict.flaw is not None:
            _log.error("audit chain is broken", aggregate_id=chain_id, reason=verdict.flaw.what)
            command = ReportBrokenChain(chain_id=chain_id, first_bad_seq=verdict.flaw.seq)
            await runtime.transact(report_broken_chain, command, by=by)

    async def verify_chains(_due: datetime) -> None:
        everywhere, unverified = system_caller("audit", None), 0
        for chain_id in await runtime.transact.read(all_chains, AllChains(), by=everywhere):
            try:
                await verify_one(chain_id)
            except Exception:  # noqa: BLE001 - the chains after it are verified all the same
                _log.exception("audit chain could not be verified", aggregate_id=chain_id)
                unverified += 1
        if unverified:
            raise RuntimeError(f"{unverified} chains could not be verified")

    return [Job("verify_chains", verify_chains, cron="30 1 * * *")]
