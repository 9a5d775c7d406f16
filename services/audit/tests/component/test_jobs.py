"""The nightly check of all chains."""

from typing import Any

import pytest

from services.audit.jobs import schedule as jobs
from services.audit.tests.builders import Record
from services.audit.use_cases.queries import verify_chain


async def test_a_chain_that_cannot_be_checked_hides_no_broken_one(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    chains = sorted([record, Record(record.service)], key=lambda each: each.clinic_id)
    for each in chains:
        await each.append(*(each.entry() for _ in range(3)))
    unreadable, broken = chains
    events = record.service.runtime.db["audit_events"]
    await events.update_one({"chain_id": broken.clinic_id, "seq": 2}, {"$set": {"actor_id": "usr_somebody_else"}})

    async def failing(command: Any, tx: Any) -> Any:
        if command.chain_id == unreadable.clinic_id:
            raise ValueError("what was stored cannot be read")
        return await verify_chain(command, tx)

    monkeypatch.setattr(jobs, "verify_chain", failing)
    [job] = jobs.schedule(record.service.runtime)
    with pytest.raises(RuntimeError, match="1 chains"):
        await job.run(record.service.clock.now())
    announced = await record.service.announced("AUDIT_CHAIN_BROKEN")
    assert broken.clinic_id in {event.clinic_id for event in announced}


async def test_a_chain_whose_note_was_taken_away_is_checked_too(record: Record) -> None:
    await record.append(record.entry())
    heads = record.service.runtime.db["chain_heads"]
    await heads.delete_one({"_id": record.clinic_id})
    [job] = jobs.schedule(record.service.runtime)
    await job.run(record.service.clock.now())
    announced = await record.service.announced("AUDIT_CHAIN_BROKEN")
    assert record.clinic_id in {event.clinic_id for event in announced}
