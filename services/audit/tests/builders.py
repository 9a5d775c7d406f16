"""A clinic's record under test, and the messages that fill it."""

from dataclasses import dataclass, field
from typing import Any

from libs.common.audit import AUDIT_ENTRY
from libs.common.ids import new_id
from libs.common.messaging.events import AggregateRef, Envelope, EventActor
from libs.common.service_worker import deliver_to
from libs.common.testing.service_under_test import Answer, ServiceUnderTest
from libs.contracts.roles import COMPLIANCE
from services.audit.consumers.chain_order import ChainOrder
from services.audit.use_cases.append_entry import append_entry


@dataclass
class Record:
    """One clinic, and its chain."""

    service: ServiceUnderTest
    clinic_id: str = field(default_factory=lambda: new_id("cln"))
    order: ChainOrder = field(init=False)

    def __post_init__(self) -> None:
        self.order = ChainOrder(self.service.runtime.transact, deliver_to(self.service.runtime))

    def entry(
        self, *, action: str = "scheduling:appointment:book", subject_id: str | None = None, **more: Any
    ) -> Envelope:
        entity_id = more.pop("entity_id", new_id("apt"))
        return Envelope(
            id=new_id("evt"),
            type=AUDIT_ENTRY,
            version=1,
            occurred_at=self.service.clock.now(),
            clinic_id=self.clinic_id,
            actor=EventActor(id=more.pop("actor_id", "usr_desk"), role=more.pop("actor_role", "front_desk")),
            aggregate=AggregateRef(type="appointment", id=entity_id, seq=1),
            correlation_id=new_id("req"),
            data={
                "action": action,
                "entity": {"type": "appointment", "id": entity_id},
                "subject_id": subject_id,
                "changes": {"status": {"from": None, "to": "CONFIRMED"}},
                **more,
            },
        )

    async def append(self, *envelopes: Envelope) -> None:
        for envelope in envelopes:
            await self.order.deliver(append_entry, envelope, envelope)
        await self.order.settle()

    async def verify(self) -> dict[str, Any]:
        answer = await self.get("/audit/verify")
        assert answer.status == 200, answer.body
        return dict(answer.body)

    async def get(self, path: str, *, role: str = COMPLIANCE, **params: Any) -> Answer:
        token = self.service.mint.staff(role, self.clinic_id)
        return await self.service.call("GET", path, token=token, params=params)
