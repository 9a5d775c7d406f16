"""What other services ask of the registry."""

from libs.contracts.roles import ADMIN
from services.registry.tests.builders import Clinic, account_of, some_phone


async def test_access_of_a_patient_and_of_an_account(clinic: Clinic) -> None:
    phone = some_phone()
    patient = await clinic.register(phone=phone)
    token = clinic.service.mint.service("scheduling", "registry")
    expected = {
        "id": patient["id"],
        "clinic_id": clinic.id,
        "accounts": [account_of(phone)],
        "active": True,
        "seq": 1,
    }
    assert (await clinic.call("GET", f"/internal/patients/{patient['id']}/access", token=token)).body == expected
    listed = await clinic.call("GET", f"/internal/accounts/{account_of(phone)}/patients", token=token)
    assert listed.body == {"items": [expected]}
    missing = await clinic.call("GET", "/internal/patients/pat_nobody/access", token=token)
    assert (missing.status, missing.code) == (404, "patient_unknown")


async def test_contact_is_for_notifications_alone(clinic: Clinic) -> None:
    patient = await clinic.register(name="Smt Asha Rao", phone="98123 45678", email="asha@example.org", language="kn")
    path = f"/internal/patients/{patient['id']}/contact"
    told = await clinic.call("GET", path, token=clinic.service.mint.service("notifications", "registry"))
    assert told.body == {
        "patient_id": patient["id"],
        "clinic_id": clinic.id,
        "phone": "+919812345678",
        "email": "asha@example.org",
        "name": "Smt Asha Rao",
        "language": "kn",
        "withdrawn_consents": [],
    }
    refused = await clinic.call("GET", path, token=clinic.service.mint.service("billing", "registry"))
    assert (refused.status, refused.code) == (403, "not_for_this_service")


async def test_people_and_tokens_for_other_services_are_refused(clinic: Clinic) -> None:
    patient = await clinic.register()
    path = f"/internal/patients/{patient['id']}/access"
    for token, status in (
        (clinic.staff(ADMIN), 403),
        (clinic.account(patient["phone"]), 403),
        (clinic.service.mint.service("notifications", "scheduling"), 401),
    ):
        assert (await clinic.call("GET", path, token=token)).status == status


async def test_notifications_hears_which_consents_do_not_hold_any_more(clinic: Clinic) -> None:
    patient = await clinic.register()
    notifications = clinic.service.mint.service("notifications", "registry")

    async def withdrawn() -> list[str]:
        answer = await clinic.call("GET", f"/internal/patients/{patient['id']}/contact", token=notifications)
        return list(answer.body["withdrawn_consents"])

    for purpose in ("notifications_whatsapp", "research"):
        given = (await clinic.consent(patient, purpose=purpose)).body
        await clinic.call("POST", f"/consents/{given['id']}/withdraw")
    assert await withdrawn() == ["notifications_whatsapp", "research"]
    await clinic.consent(patient, purpose="research")
    assert await withdrawn() == ["notifications_whatsapp"]
