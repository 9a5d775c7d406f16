"""Messages are kept for a time, not for ever."""

from datetime import timedelta

from services.notifications.jobs.schedule import schedule
from services.notifications.tests.builders import Desk


async def test_old_messages_are_forgotten_and_what_is_not_through_stays(desk: Desk) -> None:
    patient = desk.patient()
    await desk.books(patient)
    await desk.sender.send_due_now()
    await desk.until_it_stands_at("READ")
    await desk.books(patient)  # waits
    await desk.offers(patient)
    through, waiting, unannounced = [row["_id"] for row in await desk.stored()]
    rows = desk.runtime.db["notifications_outbox"]
    await rows.update_many({}, {"$unset": {"outbox": "", "outbox_at": ""}})
    await rows.update_one({"_id": unannounced}, {"$set": {"due_at": None, "outbox_at": desk.now}})
    [forget] = schedule(desk.runtime)

    await forget.run(desk.now + timedelta(days=180))
    assert len(await desk.stored()) == 3
    await forget.run(desk.now + timedelta(days=180, seconds=1))
    assert [row["_id"] for row in await desk.stored()] == [waiting, unannounced]
    assert through not in [row["_id"] for row in await desk.stored()]
