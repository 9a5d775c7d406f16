"""The record: green when nobody touched it, red when somebody did."""

import os

import aio_pika
from pymongo import AsyncMongoClient

from libs.common.audit import AUDIT_EXCHANGE
from libs.common.messaging.outbox import EVENTS_EXCHANGE
from tests.e2e.world import Clinic, World, until


async def test_the_record_shows_an_edit_and_heals_with_it_undone(clinic: Clinic, world: World) -> None:
    booked = await clinic.book()
    token = await clinic.token("compliance")

    async def recorded() -> list[object]:
        answer = await clinic.call("GET", "/audit/events", token, params={"entity_id": booked["id"]})
        return list(answer.json()["items"])

    assert len(await until(recorded, "the booking is on record")) == 1
    assert (await clinic.call("GET", "/audit/verify", token)).json()["ok"] is True
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        os.environ.get("MONGODB_URL") or world.url_of("mongo")
    )
    events = client["clinic_audit"]["audit_events"]
    original = await events.find_one({"entity_id": booked["id"]})
    assert original is not None
    await events.update_one({"_id": original["_id"]}, {"$set": {"actor_id": "usr_nobody"}})
    broken = (await clinic.call("GET", "/audit/verify", token)).json()
    await events.update_one({"_id": original["_id"]}, {"$set": {"actor_id": original["actor_id"]}})
    mended = (await clinic.call("GET", "/audit/verify", token)).json()
    await client.close()
    assert broken["ok"] is False
    assert mended["ok"] is True


async def test_patients_see_that_the_nurse_looked(clinic: Clinic) -> None:
    await clinic.call("GET", f"/patients/{clinic.patient_id(3)}", await clinic.token("nurse"))
    token = await clinic.patient_token(3)

    async def shown() -> bool:
        answer = await clinic.call("GET", "/audit/my-access", token)
        return any(line["actor_role"] == "nurse" for line in answer.json()["items"])

    await until(shown, "the nurse's look in the patient's own list")


async def test_no_personal_data_in_logs_spans_and_events(clinic: Clinic, world: World) -> None:
    patient = clinic.seed["patients"][5]
    token = await clinic.token("front_desk")
    name = (await clinic.call("GET", f"/patients/{patient['id']}", token)).json()["name"]
    secrets = [patient["phone"].removeprefix("+91").encode(), name.encode()]
    connection = await aio_pika.connect(os.environ.get("AMQP_URL") or world.url_of("rabbitmq"))
    async with connection:
        channel = await connection.channel()
        overheard = await channel.declare_queue(exclusive=True)
        for exchange in (EVENTS_EXCHANGE, AUDIT_EXCHANGE):
            await overheard.bind(exchange, "#")
        booked = await clinic.book(patient=5)
        bodies: list[bytes] = []
        async with overheard.iterator(timeout=20) as messages:
            async for message in messages:
                bodies.append(message.body)
                if sum(booked["id"].encode() in body for body in bodies) >= 2:  # the event and the entry
                    break
    files = [file for folder in ("logs", "spans") for file in (world.run_dir / folder).iterdir()]
    heard = {str(file.relative_to(world.run_dir)): file.read_bytes() for file in files} | {"events": b"".join(bodies)}
    assert [name for name, text in heard.items() if any(secret in text for secret in secrets)] == []
