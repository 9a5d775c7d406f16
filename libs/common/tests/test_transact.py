"""What `transact` promises: all or nothing, once, in one write where that suffices."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.common.ids import new_id
from libs.common.messaging.events import Envelope
from libs.common.mongo.once import IdempotencyKeyReused, Once, forget_old_keys
from libs.common.resilience.locks import Locks
from libs.common.security.caller import Caller, Reach
from libs.common.testing.service_under_test import ServiceUnderTest
from libs.common.tests.notebook import EditNote, Note, TitleTaken, WriteNote, edit_note, look_at_note, write_notes


@pytest.fixture
def writer() -> Caller:
    return Caller(id=new_id("usr"), role="writer", kind="staff", clinic_id=new_id("cln"), reach=Reach.CLINIC)


async def _write(
    service: ServiceUnderTest, by: Caller, *titles: str, once: Once | None = None, **more: Any
) -> list[Note]:
    notes: list[Note] = await service.runtime.transact(
        write_notes, WriteNote(titles=list(titles), **more), by=by, once=once
    )
    return notes


def _about(note: Note, envelopes: list[Envelope]) -> list[Envelope]:
    return [envelope for envelope in envelopes if envelope.aggregate.id == note.id]


async def test_one_document_is_one_write_with_its_messages_and_its_key(
    service: ServiceUnderTest, writer: Caller
) -> None:
    once = Once("http", new_id("key"), "body")
    [note] = await _write(service, writer, "one", once=once)
    stored = await service.runtime.db["notes"].find_one({"_id": note.id})
    assert stored is not None
    assert stored["once"]["key"] == once.key
    assert [item["key"] for item in stored["outbox"]] == ["notebook.note_written.v1", "notebook.audit"]
    assert stored["outbox_at"] is not None
    assert await service.runtime.db["idempotency_keys"].find_one({"_id": once.key}) is None


async def test_several_documents_commit_together_or_not_at_all(service: ServiceUnderTest, writer: Caller) -> None:
    await _write(service, writer, "b")
    with pytest.raises(TitleTaken):
        await _write(service, writer, "a", "b")
    assert await service.runtime.db["notes"].count_documents({"clinic_id": writer.clinic_id}) == 1
    notes = await _write(service, writer, "c", "d")
    announced = await service.announced("NOTE_WRITTEN")
    assert [len(_about(note, announced)) for note in notes] == [1, 1]


async def test_concurrent_changes_of_one_document_all_count(service: ServiceUnderTest, writer: Caller) -> None:
    [note] = await _write(service, writer, "edited")
    edits = [service.runtime.transact(edit_note, EditNote(note_id=note.id), by=writer) for _ in range(4)]
    await asyncio.gather(*edits)
    stored = await service.runtime.db["notes"].find_one({"_id": note.id})
    assert stored is not None
    assert (stored["edits"], stored["revision"]) == (4, 5)
    seqs = [envelope.aggregate.seq for envelope in _about(note, await service.announced("NOTE_WRITTEN"))]
    assert seqs == [1, 2, 3, 4, 5]


async def test_a_repeat_gets_the_first_result_even_after_changes(service: ServiceUnderTest, writer: Caller) -> None:
    once = Once("http", new_id("key"), "body")
    [first] = await _write(service, writer, "repeated", once=once)
    assert not once.replayed
    await service.runtime.transact(edit_note, EditNote(note_id=first.id), by=writer)
    [again] = await _write(service, writer, "repeated", once=once)
    assert again == first
    assert once.replayed


async def test_repeats_of_a_refused_request_are_all_refused_soon(service: ServiceUnderTest, writer: Caller) -> None:
    await _write(service, writer, "taken")
    once = Once("http", new_id("key"), "body")
    began = asyncio.get_running_loop().time()
    repeats = [_write(service, writer, "taken", once=once) for _ in range(100)]
    outcomes = await asyncio.gather(*repeats, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {TitleTaken}
    assert asyncio.get_running_loop().time() - began < 4


async def test_a_repeat_that_waited_and_meets_anothers_lock_is_refused(
    service: ServiceUnderTest, writer: Caller
) -> None:
    once = Once("http", new_id("key"), "body")
    locks = Locks(service.runtime.redis)
    title = new_id("title")
    async with locks.hold([f"note:{title}"], ttl=5, owner=once.key):
        repeat = asyncio.create_task(_write(service, writer, title, once=once))
        await asyncio.sleep(0.05)
    async with locks.hold([f"note:{title}"], ttl=5, owner="somebody else"):
        with pytest.raises(TitleTaken):
            await repeat


async def test_a_repeat_of_a_change_acts_once(service: ServiceUnderTest, writer: Caller) -> None:
    [note] = await _write(service, writer, "changed once")
    once = Once("http", new_id("key"), "body")
    repeats = [service.runtime.transact(edit_note, EditNote(note_id=note.id), by=writer, once=once) for _ in range(10)]
    results = await asyncio.gather(*repeats)
    assert {result.edits for result in results} == {1}


async def test_a_key_with_another_body_is_refused(service: ServiceUnderTest, writer: Caller) -> None:
    key = new_id("key")
    await _write(service, writer, "mine", once=Once("http", key, "one body"))
    with pytest.raises(IdempotencyKeyReused):
        await _write(service, writer, "mine", once=Once("http", key, "another body"))
    with pytest.raises(IdempotencyKeyReused):
        await _write(service, writer, "elsewhere", once=Once("http", key, "another body"))


async def test_a_message_delivered_twice_acts_once(service: ServiceUnderTest, writer: Caller) -> None:
    [note] = await _write(service, writer, "counted")
    once = Once.message(new_id("evt"))
    for _ in range(2):
        await service.runtime.transact(edit_note, EditNote(note_id=note.id), by=writer, once=once)
    stored = await service.runtime.db["notes"].find_one({"_id": note.id})
    assert stored is not None
    assert stored["edits"] == 1
    assert await service.runtime.db["inbox"].find_one({"_id": once.key}) is not None


async def test_the_record_names_what_changed_and_masks_what_is_sensitive(
    service: ServiceUnderTest, writer: Caller
) -> None:
    [note] = await _write(service, writer, "recorded", about="pat_asha", secret="diabetes")
    await service.runtime.transact(edit_note, EditNote(note_id=note.id, secret="cured"), by=writer)
    entries = [e.data for e in await service.announced("AUDIT_ENTRY") if e.aggregate.id == note.id]
    assert [entry["action"] for entry in entries] == ["notebook:note:write"] * 2
    assert entries[1]["changes"]["edits"] == {"from": 0, "to": 1}
    assert entries[1]["changes"]["secret"] == {"from": "***", "to": "***"}
    assert entries[1]["subject_id"] == "pat_asha"
    assert "diabetes" not in str(entries)
    assert "cured" not in str(entries)


async def test_a_look_goes_on_record_without_touching_the_document(service: ServiceUnderTest, writer: Caller) -> None:
    [note] = await _write(service, writer, "looked at")
    await service.runtime.transact(look_at_note, EditNote(note_id=note.id), by=writer)
    stored = await service.runtime.db["notes"].find_one({"_id": note.id})
    assert stored is not None
    assert stored["revision"] == 1
    looks = [e for e in await service.announced("AUDIT_ENTRY") if e.data["action"] == "notebook:note:read"]
    assert [look.aggregate.id for look in looks] == [note.id]


async def test_a_key_is_forgotten_after_its_day(service: ServiceUnderTest, writer: Caller) -> None:
    once = Once("http", new_id("key"), "body")
    [note] = await _write(service, writer, "of yesterday", once=once)
    db, collections = service.runtime.db, service.runtime.once_in
    assert await forget_old_keys(db, collections, service.clock.now() + timedelta(hours=23)) == 0
    assert await forget_old_keys(db, collections, service.clock.now() + timedelta(hours=25)) >= 1
    stored = await db["notes"].find_one({"_id": note.id})
    assert stored is not None
    assert "once" not in stored
