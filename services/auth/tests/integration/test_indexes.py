"""Every query of auth has its index: what the driver really sends is explained by the database."""

from itertools import takewhile
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from services.auth.tests.builders import Clinic, a_phone
from services.auth.tests.queries_seen import QueriesSeen

_A_HANDFUL = {"signing_keys"}
"""Read as a whole: a dozen documents a year."""


async def test_no_query_scans_a_collection(clinic: Clinic, queries_seen: QueriesSeen) -> None:
    auth, call = clinic.auth, clinic.auth.service.call
    queries_seen.watching = True
    try:
        person = await clinic.staff()
        tokens = await auth.tokens_of(person)
        await auth.tokens_of(clinic.admin)
        await auth.refresh(tokens["refresh_token"])
        patient = await auth.patient_token(a_phone())
        for token, path in (
            (patient, "/auth/sessions"),
            (tokens["access_token"], "/auth/sessions"),
            (tokens["access_token"], "/auth/me"),
            (clinic.token(), "/staff"),
            (clinic.token(), "/auth/devices"),
            (clinic.token(), "/auth/devices?status=pending"),
            (clinic.token(), "/clinics/current"),
            ("", "/.well-known/revoked-sessions"),
        ):
            assert (await call("GET", path, token=token or None)).status == 200
        devices = await call("GET", "/auth/devices", token=clinic.token())
        [device] = [item["id"] for item in devices.body["items"] if item["user_id"] == person.id]
        await call("POST", f"/auth/devices/{device}/reject", token=clinic.token())
        await call("PATCH", f"/staff/{person.id}", token=clinic.token(), json={"active": False})
        await auth.runtime.rotate_signing_keys()
    finally:
        queries_seen.watching = False
    assert {collection for collection, _ in queries_seen.seen} >= {"users", "devices", "sessions", "otp_challenges"}
    for collection, query in queries_seen.seen:
        if collection not in _A_HANDFUL:
            await _check_index(auth.runtime.db[collection], query)


async def _check_index(collection: AsyncCollection[dict[str, Any]], query: dict[str, Any]) -> None:
    """Some index begins with what the query asks for, and the database takes it for that part. (The embedded server
    explains a query with more fields than the index has as a scan, though it does use the index.)"""
    asked = {name: value for part in (query, *query.get("$and", [])) for name, value in part.items()}
    prefixes = [
        list(takewhile(lambda name: name in asked, index["key"])) async for index in await collection.list_indexes()
    ]
    longest = max(prefixes, key=len)
    assert longest, (collection.name, query)
    if longest != ["_id"]:
        explained = await collection.find({name: asked[name] for name in longest}).explain()
        assert "COLLSCAN" not in str(explained), (collection.name, query)
