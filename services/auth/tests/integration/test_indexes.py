"""Every query of auth has its index: what the driver really sends is explained by the database."""

from libs.common.testing.queries import QueriesSeen, assert_indexed
from services.auth.tests.builders import Clinic, a_phone

_OURS = {"clinics", "users", "devices", "sessions", "otp_challenges", "pending_logins", "counters"}
"""All but the signing keys, which are read as a whole: a dozen documents a year."""


async def test_no_query_scans_a_collection(clinic: Clinic, queries_seen: QueriesSeen) -> None:
    auth, call = clinic.auth, clinic.auth.service.call
    with queries_seen.watching():
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
            (clinic.token(), "/clinics"),
            (clinic.token(), "/doctors"),
            (patient, f"/doctors?clinic_id={clinic.id}"),
            ("", "/.well-known/revoked-sessions"),
        ):
            assert (await call("GET", path, token=token or None)).status == 200
        devices = await call("GET", "/auth/devices", token=clinic.token())
        [device] = [item["id"] for item in devices.body["items"] if item["user_id"] == person.id]
        await call("POST", f"/auth/devices/{device}/reject", token=clinic.token())
        await call("PATCH", f"/staff/{person.id}", token=clinic.token(), json={"active": False})
        await auth.runtime.rotate_signing_keys()
    seen = queries_seen.of(*_OURS)
    assert {collection for collection, _ in seen} >= {"users", "devices", "sessions", "otp_challenges"}
    for collection, query in seen:
        await assert_indexed(auth.runtime.db[collection], query)
