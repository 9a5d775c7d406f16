"""Consents through the API."""

import asyncio
import hashlib
from typing import Any

import orjson
import pytest

from libs.common.testing.service_under_test import Answer
from libs.contracts.roles import ADMIN, BILLING, COMPLIANCE, NURSE
from services.registry.tests.builders import Clinic, some_phone


async def test_given_on_record_with_a_receipt_and_withdrawn_as_easily(clinic: Clinic) -> None:
    patient = await clinic.register()
    account = clinic.account(patient["phone"])
    given = await clinic.consent(patient, token=account, scope=["reminders"])
    assert (given.status, given.body["status"]) == (201, "IN_FORCE")
    [event] = await clinic.announced("CONSENT_GRANTED", given.body["id"])
    assert (event.data["purpose"], event.data["patient_id"]) == ("notifications_whatsapp", patient["id"])
    gone = await clinic.call("POST", f"/consents/{given.body['id']}/withdraw", token=account)
    assert (gone.status, gone.body["status"]) == (200, "WITHDRAWN")
    assert gone.body["receipt"]["withdrawn_at"] is not None
    assert gone.body["receipt"]["sha256"] != given.body["receipt"]["sha256"]
    twice = await clinic.call("POST", f"/consents/{given.body['id']}/withdraw", token=account)
    assert twice.body == gone.body
    assert len(await clinic.announced("CONSENT_WITHDRAWN", given.body["id"])) == 1
    actions = [entry["action"] for entry in await clinic.on_record(given.body["id"])]
    assert actions == ["registry:consent:give", "registry:consent:withdraw"]


async def test_anybody_can_check_a_receipt(clinic: Clinic) -> None:
    consent = (await clinic.consent(await clinic.register())).body
    unlike = {"recorded_by", "recorded_role", "status", "withdrawn_by", "withdraw_reason", "superseded_by", "receipt"}
    content = {"clinic_id": clinic.id, **{name: value for name, value in consent.items() if name not in unlike}}
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert consent["receipt"]["sha256"] == digest


async def test_given_again_it_is_the_same_one(clinic: Clinic) -> None:
    patient = await clinic.register()
    answers = await asyncio.gather(*(clinic.consent(patient) for _ in range(10)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert len(await clinic.announced("CONSENT_GRANTED", answers[0].body["id"])) == 1


async def test_a_newer_notice_takes_the_place_of_the_older(clinic: Clinic) -> None:
    patient = await clinic.register()
    old = (await clinic.consent(patient)).body
    new = (await clinic.consent(patient, notice_version="2027-01")).body
    assert new["id"] != old["id"]
    refused = await clinic.call("POST", f"/consents/{old['id']}/withdraw")
    assert (refused.status, refused.code, refused.body["superseded_by"]) == (409, "consent_superseded", new["id"])
    history = (await clinic.call("GET", f"/patients/{patient['id']}/consents")).body["items"]
    assert [(c["id"], c["status"]) for c in history] == [(new["id"], "IN_FORCE"), (old["id"], "SUPERSEDED")]


@pytest.mark.parametrize("otherwise", [{"language": "hi"}, {"given_by": "guardian"}, {"scope": ["reminders"]}], ids=str)
async def test_given_otherwise_it_takes_the_place_of_the_one_before(clinic: Clinic, otherwise: dict[str, Any]) -> None:
    patient = await clinic.register()
    old, new = (await clinic.consent(patient)).body, (await clinic.consent(patient, **otherwise)).body
    history = (await clinic.call("GET", f"/patients/{patient['id']}/consents")).body["items"]
    assert [(c["id"], c["status"]) for c in history] == [(new["id"], "IN_FORCE"), (old["id"], "SUPERSEDED")]
    assert {name: new[name] for name in otherwise} == otherwise


async def test_a_look_at_consents_goes_on_record(clinic: Clinic) -> None:
    patient = await clinic.register()
    path = f"/patients/{patient['id']}/consents"
    await clinic.call("GET", path, token=clinic.account(patient["phone"]))
    assert [entry["action"] for entry in await clinic.on_record(patient["id"])] == ["registry:patient:register"]
    await clinic.call("GET", path, token=clinic.staff(COMPLIANCE))
    entry = (await clinic.on_record(patient["id"]))[-1]
    assert (entry["action"], entry["subject_id"]) == ("registry:patient:read", patient["id"])


async def test_a_retry_gives_nothing_again_whatever_came_between(clinic: Clinic) -> None:
    patient = await clinic.register()
    body = {"purpose": "notifications_sms", "notice_version": "2026-01", "language": "en"}
    path, desk = f"/patients/{patient['id']}/consents", clinic.staff()

    async def give() -> Answer:
        return await clinic.call("POST", path, token=desk, json=body, key="one-consent")

    await clinic.call("POST", path, json=body)
    first = await give()  # changes nothing: it is in force
    await clinic.call("POST", f"/consents/{first.body['id']}/withdraw")
    again = await give()
    assert (first.status, again.status, again.body["id"]) == (201, 201, first.body["id"])
    listed = await clinic.call("GET", path)
    assert [consent["status"] for consent in listed.body["items"]] == ["WITHDRAWN"]


async def test_given_again_after_withdrawal_it_is_a_new_one(clinic: Clinic) -> None:
    patient = await clinic.register()
    first = (await clinic.consent(patient)).body
    await clinic.call("POST", f"/consents/{first['id']}/withdraw", json={"reason": "too many messages"})
    second = (await clinic.consent(patient)).body
    assert (second["status"], second["id"] != first["id"]) == ("IN_FORCE", True)


async def test_who_may_give_and_see(clinic: Clinic, other_clinic: Clinic) -> None:
    patient, neighbour = await clinic.register(), await clinic.register()
    stranger = clinic.account(neighbour["phone"])
    consent = (await clinic.consent(patient, token=clinic.staff(NURSE), given_by="guardian")).body
    assert (consent["given_by"], consent["recorded_role"]) == ("guardian", "nurse")
    for token in (clinic.staff(ADMIN), clinic.staff(COMPLIANCE), clinic.staff(BILLING)):
        assert (await clinic.consent(patient, token=token)).status == 403
    history = f"/patients/{patient['id']}/consents"
    assert (await clinic.call("GET", history, token=clinic.staff(COMPLIANCE))).status == 200
    for token in (stranger, other_clinic.staff(NURSE)):
        assert (await clinic.consent(patient, token=token)).code == "patient_unknown"
        withdrawn = await clinic.call("POST", f"/consents/{consent['id']}/withdraw", token=token)
        assert (withdrawn.status, withdrawn.code) == (404, "consent_unknown")
    assert (await clinic.call("GET", history, token=stranger)).status == 404


async def test_who_gave_it_follows_from_the_account(clinic: Clinic) -> None:
    mother, child, uncle = await clinic.register(), await clinic.register(), some_phone()
    await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    await clinic.add_guardian(child, phone=uncle, relationship="other")
    for phone, giver in ((mother["phone"], "guardian"), (uncle, "guardian"), (child["phone"], "patient")):
        for number, stated in enumerate(("patient", "guardian", None)):
            said = {} if stated is None else {"given_by": stated}
            token, notice = clinic.account(phone), f"{phone[1:]}-{number}"
            consent = await clinic.consent(child, token=token, notice_version=notice, **said)
            assert (consent.status, consent.body["given_by"]) == (201, giver)


async def test_on_a_phone_that_is_both_the_patient_s_and_a_guardian_s_it_is_stated(clinic: Clinic) -> None:
    phone = some_phone()
    mother, child = await clinic.register(phone=phone), await clinic.register(phone=phone)
    await clinic.add_guardian(child, patient_id=mother["id"], relationship="mother")
    for stated in ("guardian", "patient"):
        consent = await clinic.consent(child, token=clinic.account(phone), notice_version=stated, given_by=stated)
        assert consent.body["given_by"] == stated


async def test_what_is_no_consent(clinic: Clinic) -> None:
    patient = await clinic.register()
    for body in ({"purpose": "everything"}, {"notice_version": ""}, {"scope": ["{$ne: 1}"]}, {"status": "IN_FORCE"}):
        assert (await clinic.consent(patient, **body)).status == 422
