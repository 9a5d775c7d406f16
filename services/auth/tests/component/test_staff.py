"""Administration: roles, the last administrator, one's own account, and the clinic itself."""

import asyncio
from collections import Counter

from libs.contracts.roles import ADMIN, DOCTOR, NURSE
from services.auth.tests.builders import Auth, Clinic, a_phone, an_email


async def test_a_new_role_ends_the_sessions_and_is_announced(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff(NURSE)
    tokens = await auth.tokens_of(person)
    changed = await auth.service.call("PATCH", f"/staff/{person.id}", token=clinic.token(), json={"role": DOCTOR})
    assert changed.body["role"] == "doctor"
    assert (await auth.refresh(tokens["refresh_token"])).status == 401
    assert (await auth.service.call("GET", "/auth/me", token=tokens["access_token"])).status == 401
    me = await auth.service.call("GET", "/auth/me", token=(await auth.tokens_of(person))["access_token"])
    assert me.body["role"] == "doctor"
    events = [e for e in await auth.service.announced("STAFF_CHANGED") if e.aggregate.id == person.id]
    assert events[-1].data["role"] == "doctor"
    assert [event.aggregate.seq for event in events] == sorted({event.aggregate.seq for event in events})


async def test_a_new_name_ends_nothing(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    tokens = await auth.tokens_of(person)
    renamed = await auth.service.call("PATCH", f"/staff/{person.id}", token=clinic.token(), json={"name": "Dr. New"})
    assert renamed.body["name"] == "Dr. New"
    assert (await auth.refresh(tokens["refresh_token"])).status == 200


async def test_who_is_deactivated_is_out(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    tokens = await auth.tokens_of(person)
    await auth.service.call("PATCH", f"/staff/{person.id}", token=clinic.token(), json={"active": False})
    assert (await auth.login(person)).code == "credentials_wrong"
    assert (await auth.refresh(tokens["refresh_token"])).code == "refresh_token_invalid"
    token = auth.service.mint.service("scheduling", "auth")
    known = await auth.service.call("GET", f"/internal/staff/{person.id}", token=token)
    assert known.body["active"] is False


async def test_nobody_changes_their_own_role_or_status(clinic: Clinic) -> None:
    for change in ({"role": NURSE}, {"active": False}):
        path = f"/staff/{clinic.admin.id}"
        refused = await clinic.auth.service.call("PATCH", path, token=clinic.token(), json=change)
        assert (refused.status, refused.code) == (403, "own_account")


async def test_of_two_administrators_who_remove_each_other_at_once_one_stays(clinic: Clinic) -> None:
    call = clinic.auth.service.call
    tokens = [clinic.token(), clinic.auth.service.mint.staff(ADMIN, clinic.id, user_id=clinic.second_admin.id)]
    paths = [f"/staff/{clinic.second_admin.id}", f"/staff/{clinic.admin.id}"]
    answers = await asyncio.gather(
        *(call("PATCH", path, token=token, json={"role": NURSE}) for path, token in zip(paths, tokens, strict=True))
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 1}
    assert {answer.code for answer in answers if answer.status == 409} == {"last_admin"}
    left = await clinic.auth.runtime.db["users"].count_documents({"clinic_id": clinic.id, "role": "admin"})
    assert left == 1


async def test_a_stale_if_match_is_refused(clinic: Clinic) -> None:
    invited = await clinic.invite()
    path, call, token = f"/staff/{invited.body['id']}", clinic.auth.service.call, clinic.token()
    etag = (await call("GET", path, token=token)).headers["ETag"]
    first = await call("PATCH", path, token=token, json={"name": "First"}, headers={"If-Match": etag})
    second = await call("PATCH", path, token=token, json={"name": "Second"}, headers={"If-Match": etag})
    assert (first.status, second.status, second.code) == (200, 412, "stale_version")


async def test_an_email_address_belongs_to_one_account_on_the_platform(auth: Auth, clinic: Clinic) -> None:
    other, email = await Clinic.open(auth), an_email()
    answers = await asyncio.gather(
        *(place.invite(email=email) for place in (clinic, other, clinic, other)), return_exceptions=False
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 3}


async def test_bad_input_is_told_where(clinic: Clinic) -> None:
    for change, pointer in (
        ({"email": "nobody"}, "/email"),
        ({"role": "patient"}, "/role"),
        ({"role": "system"}, "/role"),
        ({"name": "a\x00b"}, "/name"),
        ({"clinic_id": "cln_other"}, "/clinic_id"),
        ({"phone": "12345"}, "/phone"),
    ):
        refused = await clinic.invite(**change)
        assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, pointer)
    for password in ("short", "a" * 20, "x" * 300):
        assert (await clinic.invite(password=password)).status == 422


async def test_phones_of_staff_are_kept_encrypted(clinic: Clinic) -> None:
    phone = a_phone()
    invited = await clinic.invite(phone=phone)
    shown = await clinic.auth.service.call("GET", f"/staff/{invited.body['id']}", token=clinic.token())
    assert shown.body["phone"] == phone
    stored = await clinic.auth.runtime.db["users"].find_one({"_id": invited.body["id"]})
    assert stored is not None
    assert phone[3:] not in stored["phone"]


async def test_a_clinic_changes_and_tells(clinic: Clinic) -> None:
    call, token = clinic.auth.service.call, clinic.token()
    shown = await call("GET", "/clinics/current", token=token)
    assert shown.body == {"id": clinic.id, "name": "Demo Clinic", "zone": "Asia/Kolkata", "gstin": None}
    change = {"name": "Sunrise Clinic", "gstin": "29ABCDE1234F1Z5"}
    changed = await call(
        "PATCH", "/clinics/current", token=token, json=change, headers={"If-Match": shown.headers["ETag"]}
    )
    assert (changed.body["name"], changed.body["zone"]) == ("Sunrise Clinic", "Asia/Kolkata")
    taken_away = await call("PATCH", "/clinics/current", token=token, json={"gstin": None})
    assert (taken_away.body["gstin"], taken_away.body["name"]) == (None, "Sunrise Clinic")
    stale = await call(
        "PATCH", "/clinics/current", token=token, json=change, headers={"If-Match": shown.headers["ETag"]}
    )
    assert stale.status == 412
    assert (await call("PATCH", "/clinics/current", token=token, json={"zone": "Mars/Olympus"})).status == 422
    known = await call("GET", f"/internal/clinics/{clinic.id}", token=clinic.auth.service.mint.service("x", "auth"))
    assert known.body == {"id": clinic.id, "name": "Sunrise Clinic", "zone": "Asia/Kolkata"}


async def test_every_decision_is_on_record_with_who_made_it(auth: Auth, clinic: Clinic) -> None:
    person = await clinic.staff()
    await auth.tokens_of(person)
    entries = [
        e.data | {"by": e.actor.id} for e in await auth.service.announced("AUDIT_ENTRY") if e.clinic_id == clinic.id
    ]
    done = {(entry["action"], entry["by"]) for entry in entries}
    assert {
        ("auth:staff:invite", clinic.admin.id),
        ("auth:device:request", person.id),
        ("auth:device:decide", clinic.admin.id),
        ("auth:session:open", person.id),
    } <= done
    assert person.email not in str(entries)
