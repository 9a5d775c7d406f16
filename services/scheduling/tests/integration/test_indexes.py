"""Every query of scheduling has its index: what the driver really sends is explained by the database."""

from libs.common.testing.queries import QueriesSeen, assert_indexed
from libs.contracts.roles import DOCTOR
from services.scheduling.consumers.subscriptions import SUBSCRIPTIONS
from services.scheduling.jobs.expire_holds import expire_due_holds
from services.scheduling.persistence.documents import DOCUMENTS
from services.scheduling.tests.builders import TODAY, Clinic


async def test_no_query_scans_a_collection(clinic: Clinic, queries_seen: QueriesSeen) -> None:
    runtime = clinic.service.runtime
    with queries_seen.watching():
        await _a_day(clinic)
        await expire_due_holds(runtime)
    seen = queries_seen.of(*(document.Settings.name for document in DOCUMENTS))
    asked = {collection for collection, _ in seen}
    assert asked >= {"appointments", "slot_templates", "leaves", "waitlist_entries", "token_queues"}
    for collection, query in seen:
        await assert_indexed(runtime.db[collection], query)
    days = [query for collection, query in seen if collection == "appointments" and "start" in query]
    assert len(days) >= 10
    for query in days:  # asks for nothing but what its index holds, so that a day costs a day, however many there are
        explained = await runtime.db["appointments"].find(query).explain()
        assert "COLLSCAN" not in str(explained), query


async def _a_day(clinic: Clinic) -> None:
    """Something of everything that looks at appointments."""
    await clinic.add_template(room_id="room-1", sessions=[{"start": "20:00", "end": "21:00"}])
    booked = await clinic.book()
    assert (await clinic.overbook(booked["slot_id"], "meena")).status == 201
    waiting = {"patient_id": clinic.patient("indira"), "doctor_id": clinic.doctor_id}
    window = {"earliest": "2026-11-25T00:00:00Z", "latest": "2026-11-26T00:00:00Z"}
    assert (await clinic.service.call("POST", "/waitlist", token=clinic.staff(), json=waiting | window)).status == 201
    assert (await clinic.move(booked["id"], "cancel")).status == 200
    released = [e for e in await clinic.service.announced("SLOT_RELEASED") if e.aggregate.id == booked["id"]]
    await clinic.service.deliver(SUBSCRIPTIONS, *released)
    for token, path in (
        (clinic.staff(), f"/appointments?doctor_id={clinic.doctor_id}&date={TODAY}"),
        (clinic.staff(), f"/appointments?doctor_id={clinic.doctor_id}"),
        (clinic.staff(), f"/appointments?patient_id={clinic.patient('indira')}"),
        (clinic.staff(), f"/appointments?date={TODAY}"),
        (clinic.staff(DOCTOR), "/appointments"),
        (clinic.account("indira"), "/appointments"),
        (clinic.staff(), f"/queue?doctor_id={clinic.doctor_id}"),
        (clinic.staff(), f"/slots?doctor_id={clinic.doctor_id}"),
        (clinic.staff(), f"/waitlist?doctor_id={clinic.doctor_id}"),
        (clinic.account("indira"), "/waitlist"),
        (clinic.staff(), f"/slot-templates?doctor_id={clinic.doctor_id}"),
        (clinic.staff(), "/leaves"),
    ):
        answer = await clinic.service.call("GET", path, token=token)
        assert answer.status == 200, (path, answer.body)
    leave = {"doctor_id": clinic.doctor_id, "start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z"}
    assert (await clinic.take_leave(**leave)).status == 201
