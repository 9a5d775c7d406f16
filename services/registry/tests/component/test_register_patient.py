"""Registering patients through the API, on real storage."""

import asyncio
from typing import Any

import pytest

from libs.common.ids import new_id
from libs.common.messaging.events import AggregateRef, Envelope, EventActor
from libs.common.testing.service_under_test import ServiceUnderTest
from libs.contracts.auth import ClinicChanged
from libs.contracts.roles import ADMIN, BILLING, COMPLIANCE, DOCTOR, NURSE
from services.registry.consumers.subscriptions import SUBSCRIPTIONS
from services.registry.tests.builders import Clinic, account_of, some_phone


async def test_a_patient_is_registered_and_announced(clinic: Clinic) -> None:
    answer = await clinic.try_to_register(
        name="Dr. Lakshmi Devi Rao",
        phone="98123 45678",
        other_phones=["+91 98123-45679", "98123 45678"],
        sex="female",
        birth_date="1990-02-14",
        email="lakshmi@example.org",
        abha_number="12-3456-7890-1234",
        abha_address="lakshmi.rao@abdm",
        address={"line1": "4 MG Road", "city": "Pune", "postal_code": "411001"},
        language="mr",
    )
    patient = answer.body
    assert answer.status == 201, patient
    assert answer.headers["ETag"] == '"1"'
    assert patient["mrn"] == "0000001"
    assert (patient["prefix"], patient["given_name"], patient["family_name"]) == ("Dr.", "Lakshmi Devi", "Rao")
    assert (patient["phone"], patient["other_phones"]) == ("+919812345678", ["+919812345679"])
    assert (patient["birth_date"], patient["age_years"], patient["birth_date_estimated"]) == ("1990-02-14", 36, False)
    assert patient["address"]["city"] == "Pune"
    assert patient["possible_duplicates"] == []
    [event] = await clinic.announced("PATIENT_REGISTERED", patient["id"])
    assert (event.clinic_id, event.aggregate.seq) == (clinic.id, 1)
    assert set(event.data["accounts"]) == {account_of("+919812345678"), account_of("+919812345679")}
    read = await clinic.read(patient)
    assert read.body == {name: value for name, value in patient.items() if name != "possible_duplicates"}


async def test_nothing_personal_leaves_on_the_bus_or_for_the_record(clinic: Clinic) -> None:
    phone = some_phone()
    patient = await clinic.register(name="Zubeida Unmistakable", phone=phone, email="zu@example.org", age_years=41)
    await clinic.change(patient, address={"line1": "9 Canary Lane"}, name="Zubeida Altered")
    messages = [e for e in await clinic.service.announced() if e.aggregate.id == patient["id"]]
    assert {message.type for message in messages} == {"PATIENT_REGISTERED", "PATIENT_UPDATED", "AUDIT_ENTRY"}
    told = "".join(message.model_dump_json() for message in messages)
    for personal in (phone, phone[3:], "Zubeida", "Altered", "zu@example.org", "Canary"):
        assert personal not in told
    [_, changed] = await clinic.on_record(patient["id"])
    assert changed["changes"]["address"] == {"from": "***", "to": "***"}
    assert changed["changes"].keys() == {"address", "name", "search"}


async def test_numbers_are_consecutive_per_clinic(clinic: Clinic, other_clinic: Clinic) -> None:
    assert (await other_clinic.register())["mrn"] == "0000001"
    registered = await asyncio.gather(*(clinic.register(name=f"Patient {n}") for n in range(20)))
    assert sorted(patient["mrn"] for patient in registered) == [f"{n:07d}" for n in range(1, 21)]


async def test_one_key_many_times_is_one_patient_and_keeps_no_secret(clinic: Clinic) -> None:
    phone, token = some_phone(), clinic.staff()
    answers = await asyncio.gather(
        *(clinic.try_to_register(phone=phone, token=token, key="the-same") for _ in range(20))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    kept = await clinic.service.runtime.db["idempotency_keys"].find({}).to_list()
    assert kept
    assert phone not in str(kept)
    other = await clinic.try_to_register(phone=some_phone(), token=token, key="the-same")
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_an_age_makes_an_estimated_date_of_birth(clinic: Clinic) -> None:
    patient = await clinic.register(age_years=35)
    assert (patient["age_years"], patient["birth_date"], patient["birth_date_estimated"]) == (35, "1991-11-25", True)


@pytest.mark.parametrize(
    "body",
    [
        {"phone": "12345"},
        {"phone": "+1 23"},
        {"name": "\x00"},
        {"name": " "},
        {"abha_number": "12-3456-7890-123"},
        {"abha_address": "1lakshmi@abdm"},
        {"birth_date": "2027-01-01"},
        {"birth_date": "1990-01-01", "age_years": 36},
        {"age_years": 131},
        {"sex": "f"},
        {"email": "nobody"},
        {"mrn": "0000009"},
        {"accounts": ["acc_mine"]},
        {"active": False},
        {"guardians": [{"relationship": "mother"}]},
        {"guardians": [{"relationship": "mother", "phone": "98123 45678", "patient_id": "pat_1"}]},
        {"address": {"street": "$where"}},
        {"name": {"$gt": ""}},
    ],
)
async def test_what_makes_no_sense_is_refused(clinic: Clinic, body: dict[str, Any]) -> None:
    answer = await clinic.try_to_register(**body)
    assert answer.status == 422, answer.body
    assert answer.body["errors"] or answer.code == "demographics_invalid"


async def test_who_may_register(clinic: Clinic) -> None:
    for role, status in ((NURSE, 201), (ADMIN, 201), (DOCTOR, 403), (BILLING, 403), (COMPLIANCE, 403)):
        assert (await clinic.try_to_register(token=clinic.staff(role))).status == status


async def test_a_patient_registers_themselves_and_their_child(clinic: Clinic) -> None:
    phone = some_phone()
    account = clinic.account(phone)
    mother = await clinic.register(token=account, name="Meena Iyer", phone=phone, clinic_id=clinic.id)
    child = await clinic.register(
        token=account,
        name="Arjun Iyer",
        phone=phone,
        clinic_id=clinic.id,
        age_years=6,
        guardians=[{"patient_id": mother["id"], "relationship": "mother"}],
    )
    mine = await clinic.call("GET", "/patients/mine", token=account)
    assert [item["name"] for item in mine.body["items"]] == ["Arjun Iyer", "Meena Iyer"]
    assert child["guardians"][0]["patient_id"] == mother["id"]


async def test_an_account_writes_down_no_number_but_its_own(clinic: Clinic) -> None:
    phone, strange = some_phone(), some_phone()
    account = clinic.account(phone)
    for body in (
        {"phone": strange},
        {"phone": phone, "other_phones": [strange]},
        {"phone": phone, "guardians": [{"phone": strange, "relationship": "father"}]},
    ):
        answer = await clinic.try_to_register(token=account, clinic_id=clinic.id, **body)
        assert (answer.status, answer.code) == (403, "phone_not_verified")


async def test_a_clinic_that_is_not_there_takes_nobody(clinic: Clinic) -> None:
    phone = some_phone()
    nowhere = "cln_01jd2v7xk4e5ta3m3w2x0v6h7c"
    answer = await clinic.try_to_register(token=clinic.account(phone), phone=phone, clinic_id=nowhere)
    assert (answer.status, answer.code) == (404, "clinic_unknown")


async def test_an_account_says_at_which_clinic(clinic: Clinic) -> None:
    phone = some_phone()
    answer = await clinic.try_to_register(token=clinic.account(phone), phone=phone)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert [error["pointer"] for error in answer.body["errors"]] == ["/clinic_id"]


async def test_a_clinic_is_known_from_its_opening(service: ServiceUnderTest) -> None:
    opened, phone = Clinic(service), some_phone()
    event = ClinicChanged(clinic_id=opened.id, name="Opened Today", zone="Asia/Kolkata")
    about = AggregateRef(type="clinic", id=opened.id, seq=1)
    envelope = Envelope(
        id=new_id("evt"),
        type=event.type,
        version=event.version,
        occurred_at=service.clock.now(),
        clinic_id=opened.id,
        actor=EventActor(id="usr_admin", role=ADMIN),
        aggregate=about,
        correlation_id="req_opening",
        data=event.model_dump(),
    )
    await service.deliver(SUBSCRIPTIONS, envelope)
    taken = await opened.try_to_register(token=opened.account(phone), phone=phone, clinic_id=opened.id)
    assert taken.status == 201


async def test_staff_register_in_their_own_clinic_only(clinic: Clinic, other_clinic: Clinic) -> None:
    assert (await clinic.try_to_register(clinic_id=other_clinic.id)).code == "clinic_unknown"


async def test_nobody_learns_of_others_by_registering(clinic: Clinic) -> None:
    phone = some_phone()
    twin = {"name": "Kavya Nair", "birth_date": "1985-05-05", "sex": "female", "abha_number": "99-9999-9999-9999"}
    await clinic.register(**twin)
    told = await clinic.register(token=clinic.account(phone), phone=phone, clinic_id=clinic.id, **twin)
    assert told["possible_duplicates"] == []
