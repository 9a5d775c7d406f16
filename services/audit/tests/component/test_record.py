"""The record: everything is on it once, and whatever is done to it afterwards shows."""

import asyncio
from typing import Any

import pytest

from libs.common.security.caller import system_caller
from libs.common.subjects import Subject
from libs.contracts.roles import ADMIN, BILLING, DOCTOR, FRONT_DESK, NURSE
from services.audit.domain.audit_event import PLATFORM_CHAIN
from services.audit.tests.builders import Record
from services.audit.use_cases.append_entry import append_entry

Raw = dict[str, Any]


async def test_entries_form_a_chain_that_verifies(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(5)))
    assert await record.verify() == {"ok": True, "entries": 5, "first_bad_seq": None, "reason": None}


async def test_an_empty_record_is_in_order(record: Record) -> None:
    assert (await record.verify())["ok"] is True


async def test_a_message_that_comes_twice_is_one_entry(record: Record) -> None:
    entry = record.entry()
    await record.append(entry, entry)
    assert (await record.verify())["entries"] == 1


async def test_writers_that_race_keep_the_chain_whole(record: Record) -> None:
    other = Record(record.service, record.clinic_id)
    entries = [record.entry() for _ in range(40)]
    await asyncio.gather(*(writer.append(*entries[n::4]) for n, writer in enumerate((record, other, record, other))))
    assert await record.verify() == {"ok": True, "entries": 40, "first_bad_seq": None, "reason": None}


async def _edit(events: Any, chain: Raw) -> None:
    await events.update_one({**chain, "seq": 3}, {"$set": {"actor_id": "usr_somebody_else"}})


async def _flip_one_bit_of_a_change(events: Any, chain: Raw) -> None:
    await events.update_one({**chain, "seq": 3}, {"$set": {"changes": '{"status":{"from":null,"to":"CONFIRMEE"}}'}})


async def _delete_in_the_middle(events: Any, chain: Raw) -> None:
    await events.delete_one({**chain, "seq": 3})


async def _delete_the_first(events: Any, chain: Raw) -> None:
    await events.delete_one({**chain, "seq": 1})


async def _delete_the_last(events: Any, chain: Raw) -> None:
    await events.delete_one({**chain, "seq": 5})


async def _swap_two(events: Any, chain: Raw) -> None:
    second, third = [await events.find_one({**chain, "seq": seq}) for seq in (2, 3)]
    await events.delete_many({**chain, "seq": {"$in": [2, 3]}})
    await events.insert_many([{**second, "seq": 3}, {**third, "seq": 2}])


async def _move_to_another_clinic(events: Any, chain: Raw) -> None:
    await events.update_one({**chain, "seq": 3}, {"$set": {"clinic_id": "cln_elsewhere"}})


async def _add_a_field(events: Any, chain: Raw) -> None:
    await events.update_one({**chain, "seq": 3}, {"$set": {"note": "looked at"}})


async def _drop_a_field(events: Any, chain: Raw) -> None:
    await events.update_one({**chain, "seq": 3}, {"$unset": {"reason": ""}})


async def _touch_the_revision(events: Any, chain: Raw) -> None:
    await events.update_one({**chain, "seq": 3}, {"$set": {"revision": 2}})


async def _replace_with_a_resealed_one(events: Any, chain: Raw) -> None:
    fourth = await events.find_one({**chain, "seq": 4})
    await events.update_one({**chain, "seq": 5}, {"$set": {"seal": fourth["seal"]}})


@pytest.mark.parametrize(
    "tamper",
    [
        _edit,
        _flip_one_bit_of_a_change,
        _delete_in_the_middle,
        _delete_the_first,
        _delete_the_last,
        _swap_two,
        _replace_with_a_resealed_one,
        _move_to_another_clinic,
        _add_a_field,
        _drop_a_field,
        _touch_the_revision,
    ],
)
async def test_tampering_shows(record: Record, tamper: Any) -> None:
    await record.append(*(record.entry() for _ in range(5)))
    assert (await record.verify())["ok"] is True
    await tamper(record.service.runtime.db["audit_events"], {"chain_id": record.clinic_id})
    verdict = await record.verify()
    assert verdict["ok"] is False
    assert verdict["reason"]


async def test_cutting_off_the_end_and_the_note_of_its_length_shows(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(5)))
    db = record.service.runtime.db
    await db["audit_events"].delete_one({"chain_id": record.clinic_id, "seq": 5})
    fourth = await db["audit_events"].find_one({"chain_id": record.clinic_id, "seq": 4})
    assert fourth is not None
    shorter = {"seq": 4, "seal": fourth["seal"]}
    await db["chain_heads"].update_one({"_id": record.clinic_id}, {"$set": shorter})
    assert (await record.verify())["ok"] is False


async def test_taking_away_the_note_of_its_length_shows(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(3)))
    await record.service.runtime.db["chain_heads"].delete_one({"_id": record.clinic_id})
    assert (await record.verify())["ok"] is False


@pytest.mark.parametrize("again", [None, 1, 4], ids=["a new entry", "a redelivered one", "one that was cut off"])
async def test_a_note_that_was_taken_away_is_never_made_anew(record: Record, again: int | None) -> None:
    entries = [record.entry() for _ in range(5)]
    await record.append(*entries)
    db = record.service.runtime.db
    await db["audit_events"].delete_many({"chain_id": record.clinic_id, "seq": {"$gte": 4}})
    await db["chain_heads"].delete_one({"_id": record.clinic_id})
    await record.append(record.entry() if again is None else entries[again])
    assert await record.verify() == {
        "ok": False,
        "entries": 3 if again == 1 else 4,
        "first_bad_seq": 3 if again == 1 else 4,
        "reason": "the note of the chain's length is missing",
    }


async def test_the_note_of_a_chain_that_was_deleted_outlives_it(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(3)))
    await record.service.runtime.db["audit_events"].delete_many({"chain_id": record.clinic_id})
    assert (await record.verify())["ok"] is False
    await record.append(*(record.entry() for _ in range(4)))
    assert (await record.verify())["ok"] is False


async def test_the_note_comes_with_the_first_entry_and_follows_when_one_comes_again(record: Record) -> None:
    heads, second = record.service.runtime.db["chain_heads"], record.entry()
    for entry in (record.entry(), second):  # as a worker that dies before it has noted the length
        by = system_caller("audit", record.clinic_id)
        await record.service.runtime.transact(append_entry, entry, by=by, cause=entry)
    assert (await heads.find_one({"_id": record.clinic_id}) or {})["seq"] == 1
    assert (await record.verify())["ok"] is True
    await record.append(second)
    assert (await heads.find_one({"_id": record.clinic_id}) or {})["seq"] == 2


@pytest.mark.parametrize(
    "damage",
    [
        {"$set": {"at": "yesterday"}},
        {"$set": {"actor_id": 5}},
        {"$set": {"changes": "{"}},
        {"$set": {"changes": "[]"}},
        {"$unset": {"reason": ""}},
    ],
    ids=str,
)
async def test_a_damaged_entry_hides_no_other(record: Record, damage: Raw) -> None:
    await record.append(*(record.entry() for _ in range(5)))
    third = {"chain_id": record.clinic_id, "seq": 3}
    await record.service.runtime.db["audit_events"].update_one(third, damage)
    listed = await record.get("/audit/events")
    assert (listed.status, [event["seq"] for event in listed.body["items"]]) == (200, [5, 4, 2, 1])
    verdict = await record.verify()
    assert (verdict["ok"], verdict["first_bad_seq"]) == (False, 3)
    assert verdict["reason"] == "the entry does not read as one"


async def test_a_damaged_place_is_no_empty_chain(record: Record) -> None:
    await record.append(record.entry())
    db, chain = record.service.runtime.db, {"chain_id": record.clinic_id}
    await db["audit_events"].update_one(chain, {"$set": {"seq": "first"}})
    await db["chain_heads"].delete_one({"_id": record.clinic_id})
    assert (await record.verify())["ok"] is False
    await record.append(record.entry())
    assert (await record.verify())["ok"] is False


async def test_a_damaged_last_entry_keeps_none_from_the_record(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(3)))
    last = {"chain_id": record.clinic_id, "seq": 3}
    await record.service.runtime.db["audit_events"].update_one(last, {"$set": {"at": None}})
    await record.append(*(record.entry() for _ in range(2)))
    assert [event["seq"] for event in (await record.get("/audit/events")).body["items"]] == [5, 4, 2, 1]
    assert (await record.verify())["first_bad_seq"] == 3


async def test_entries_are_found_by_what_they_are_about_newest_first(record: Record) -> None:
    wanted = [record.entry(entity_id="apt_wanted") for _ in range(3)]
    await record.append(wanted[0], record.entry(), wanted[1], record.entry(), wanted[2])
    first = await record.get("/audit/events", entity_id="apt_wanted", limit=2)
    rest = await record.get("/audit/events", entity_id="apt_wanted", limit=2, cursor=first.body["next_cursor"])
    found = [event["id"] for page in (first, rest) for event in page.body["items"]]
    assert found == [envelope.id for envelope in reversed(wanted)]
    assert first.body["items"][0]["changes"] == {"status": {"from": None, "to": "CONFIRMED"}}


async def test_another_clinics_record_is_out_of_sight(record: Record) -> None:
    await record.append(record.entry(entity_id="apt_private"))
    elsewhere = Record(record.service)
    assert (await elsewhere.get("/audit/events", entity_id="apt_private")).body["items"] == []
    assert (await elsewhere.verify())["entries"] == 0


async def test_patients_see_who_saw_their_record_and_nobody_elses(record: Record) -> None:
    runtime: Any = record.service.runtime
    runtime.known_patients.add("pat_asha", record.clinic_id, "acc_asha")
    runtime.known_patients.add("pat_ravi", record.clinic_id, "acc_ravi")
    await record.append(
        record.entry(subject_id="pat_asha", actor_id="usr_nurse", actor_role="nurse", action="registry:patient:read"),
        record.entry(subject_id="pat_ravi"),
    )
    answer = await record.service.call("GET", "/audit/my-access", token=record.service.mint.account("acc_asha"))
    assert [(line["patient_id"], line["actor_role"], line["action"]) for line in answer.body["items"]] == [
        ("pat_asha", "nurse", "registry:patient:read")
    ]
    assert "changes" not in answer.body["items"][0]


async def test_patients_see_who_saw_their_record_when_it_is_out_of_use(record: Record) -> None:
    runtime: Any = record.service.runtime
    patient = Subject(id="pat_gone", clinic_id=record.clinic_id, accounts=["acc_gone"], active=False)
    runtime.known_patients.known[patient.id] = patient
    await record.append(record.entry(subject_id=patient.id))
    answer = await record.service.call("GET", "/audit/my-access", token=record.service.mint.account("acc_gone"))
    assert [line["patient_id"] for line in answer.body["items"]] == [patient.id]


@pytest.mark.parametrize("role", [FRONT_DESK, NURSE, DOCTOR, BILLING])
async def test_the_record_is_not_for_everybody(record: Record, role: str) -> None:
    assert (await record.get("/audit/events", role=role)).status == 403
    assert (await record.get("/audit/verify", role=role)).status == 403


async def test_admins_read_their_clinics_record(record: Record) -> None:
    assert (await record.get("/audit/events", role=ADMIN)).status == 200


async def test_what_was_done_to_the_platforms_own_record_shows_in_every_clinic(record: Record) -> None:
    platform = Record(record.service, clinic_id=PLATFORM_CHAIN)
    await platform.append(*(platform.entry() for _ in range(3)))
    assert (await record.verify())["ok"] is True
    events = record.service.runtime.db["audit_events"]
    edited = {"chain_id": PLATFORM_CHAIN, "seq": 2}
    original = await events.find_one(edited)
    assert original is not None
    await events.update_one(edited, {"$set": {"actor_id": "usr_nobody"}})
    assert (await record.verify())["ok"] is False
    await events.replace_one(edited, original)
    assert (await record.verify())["ok"] is True


async def test_a_cut_still_shows_when_the_chain_goes_on(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(5)))
    cut = {"chain_id": record.clinic_id, "seq": {"$in": [4, 5]}}
    await record.service.runtime.db["audit_events"].delete_many(cut)
    await record.append(*(record.entry() for _ in range(3)))
    assert (await record.verify())["ok"] is False


async def test_a_seal_that_is_not_ascii_is_a_flaw_and_no_failure(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(3)))
    one = {"chain_id": record.clinic_id, "seq": 2}
    await record.service.runtime.db["audit_events"].update_one(one, {"$set": {"seal": "é" * 64}})
    assert (await record.verify())["ok"] is False


async def test_a_note_that_does_not_read_as_one_is_a_flaw(record: Record) -> None:
    await record.append(*(record.entry() for _ in range(3)))
    heads = record.service.runtime.db["chain_heads"]
    await heads.update_one({"_id": record.clinic_id}, {"$set": {"seq": "x"}})
    assert (await record.verify())["ok"] is False
    await heads.delete_one({"_id": record.clinic_id})
