"""One entry at a time for each chain: writers of one process would only get in each other's way."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from libs.common.errors import Unavailable
from libs.common.messaging.consumer import Deliver, Handler
from libs.common.messaging.events import Envelope, Event
from libs.common.mongo.transact import Transactor
from libs.common.runtime import Runtime
from libs.common.security.caller import system_caller
from libs.common.service_worker import deliver_to
from services.audit.domain.audit_event import PLATFORM_CHAIN
from services.audit.domain.errors import EntryKnown
from services.audit.use_cases.append_entry import append_entry
from services.audit.use_cases.ports import AuditTx
from services.audit.use_cases.witness_heads import WitnessHead, witness_head

HEAD_FOLLOWS_WITHIN = 0.5
TURN_WAITED_FOR = 20.0  # less than a handler has: who waits behind an outage has not failed


class ChainOrder:
    """Delivers audit entries in turn, and everything else as usual. Notes each chain's length shortly after."""

    def __init__(self, transact: Transactor[AuditTx], otherwise: Deliver) -> None:
        self._transact = transact
        self._otherwise = otherwise
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._witnessing: dict[str, asyncio.Task[None]] = {}

    async def deliver(self, handler: Handler, payload: Event | Envelope, envelope: Envelope) -> None:
        if handler is not append_entry:
            await self._otherwise(handler, payload, envelope)
            return
        chain_id = envelope.clinic_id or PLATFORM_CHAIN
        caller = system_caller("audit", chain_id)
        async with self._turn(chain_id):
            with suppress(EntryKnown):  # whoever put it on record may have died before its length was noted
                await self._transact(append_entry, envelope, by=caller, cause=envelope)
        if chain_id not in self._witnessing:
            self._witnessing[chain_id] = asyncio.create_task(self._witness(chain_id))

    @asynccontextmanager
    async def _turn(self, chain_id: str) -> AsyncIterator[None]:
        turn = self._turns[chain_id]
        try:
            async with asyncio.timeout(TURN_WAITED_FOR):
                await turn.acquire()
        except TimeoutError:
            raise Unavailable("The entries before this one are not on record yet") from None
        try:
            yield
        finally:
            turn.release()

    async def settle(self) -> None:
        """Wait until the lengths of all chains are noted."""
        await asyncio.gather(*self._witnessing.values())

    async def _witness(self, chain_id: str) -> None:
        await asyncio.sleep(HEAD_FOLLOWS_WITHIN)  # many entries, one note
        self._witnessing.pop(chain_id, None)
        await self._transact(witness_head, WitnessHead(chain_id=chain_id), by=system_caller("audit", chain_id))


def in_order(runtime: Runtime[AuditTx]) -> Deliver:
    """How this service's worker delivers messages."""
    return ChainOrder(runtime.transact, deliver_to(runtime)).deliver
