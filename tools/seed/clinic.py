"""Opening a clinic: its administrator, staff of every role on approved devices, doctors' hours, patients."""

import secrets
from collections.abc import Callable
from datetime import date
from typing import Any

from libs.common.ids import new_id
from libs.contracts.roles import ADMIN, DOCTOR
from tools.gateway_client import Gateway, Refused
from tools.seed.people import ADMIN_NAME, COLLEAGUES, PATIENTS, Colleague

Say = Callable[[str], None]
Seed = dict[str, Any]

HOURS = [{"start": "09:00", "end": "13:00"}, {"start": "14:00", "end": "20:00"}]


def open_clinic(gateway: Gateway, name: str, bootstrap_token: str, say: Say) -> Seed:
    """Create everything and return what `.run/seed.json` holds; raises `Refused` where the platform says no."""
    admin, clinic_id = _open(gateway, name, bootstrap_token)
    say(f"{name} is open; {ADMIN_NAME} administers it")
    token = gateway.login(admin)
    staff: dict[str, Any] = {ADMIN: admin}
    doctors = []
    for colleague in COLLEAGUES:
        person = _hire(gateway, token, colleague, name)
        staff.setdefault(colleague.role, person)
        if colleague.role == DOCTOR:
            doctors.append({"id": person["id"], "name": colleague.name})
        say(f"{colleague.name} joins as {colleague.role.replace('_', ' ')}, device approved")
    for doctor in doctors:
        _open_hours(gateway, token, doctor["id"])
        say(f"{doctor['name']} sees patients daily, 9 to 1 and 2 to 8")
    patients = _register_patients(gateway, gateway.login(staff["front_desk"]))
    say(f"{len(patients)} patients are registered")
    return {
        "gateway": gateway.url,
        "sandbox": gateway.sandbox,
        "clinic_id": clinic_id,
        "clinic": name,
        "staff": staff,
        "doctors": doctors,
        "patients": patients,
    }


def still_works(gateway: Gateway, seed: Seed) -> bool:
    """Whether a clinic seeded earlier is still there: its front desk can log in."""
    try:
        gateway.login(seed["staff"]["front_desk"])
    except (Refused, KeyError):
        return False
    return True


def _open(gateway: Gateway, name: str, bootstrap_token: str) -> tuple[Seed, str]:
    password, device = _password(), _device("Front office computer")
    body = {
        "name": name,
        "zone": "Asia/Kolkata",
        "admin": {"name": ADMIN_NAME, "email": _email(ADMIN_NAME, name), "password": password, "device": device},
    }
    opened = gateway.expect(201, "POST", "/clinics", json=body, headers={"X-Bootstrap-Token": bootstrap_token})
    admin = {
        "id": opened["admin"]["id"],
        "email": body["admin"]["email"],  # type: ignore[index]
        "password": password,
        "totp_secret": opened["admin"]["totp_secret"],
        "device": device,
    }
    return admin, opened["clinic_id"]


def _hire(gateway: Gateway, token: str, colleague: Colleague, clinic: str) -> Seed:
    """Create the account, log in from a new device, and have the administrator approve that."""
    person: Seed = {
        "email": _email(colleague.name, clinic),
        "password": _password(),
        "totp_secret": None,
        "device": _device(f"{colleague.name}'s tablet"),
    }
    body = {
        "email": person["email"],
        "name": colleague.name,
        "role": colleague.role,
        "password": person["password"],
    }
    person["id"] = gateway.expect(201, "POST", "/staff", token=token, json=body)["id"]
    login = {"email": person["email"], "password": person["password"], "device": person["device"]}
    refused = gateway.call("POST", "/auth/login", json=login)
    if (refused.status, refused.code) != (403, "device_approval_required"):
        raise Refused(f"a new device should wait for approval, got {refused.status} {refused.body}")
    pending = gateway.expect(200, "GET", "/auth/devices", token=token, params={"status": "pending", "limit": 200})
    waiting = next(device for device in pending["items"] if device["user_id"] == person["id"])
    gateway.expect(200, "POST", f"/auth/devices/{waiting['id']}/approve", token=token)
    return person


def _open_hours(gateway: Gateway, token: str, doctor_id: str) -> None:
    body = {
        "doctor_id": doctor_id,
        "rrule": "FREQ=DAILY",
        "valid_from": date.today().isoformat(),  # noqa: DTZ011 - the machine's day is near enough
        "sessions": HOURS,
        "slot_minutes": 15,
        "modes": ["in_person", "tele"],
    }
    gateway.expect(201, "POST", "/slot-templates", token=token, json=body)


def _register_patients(gateway: Gateway, token: str) -> list[Seed]:
    registered = []
    for given, family, sex, born in PATIENTS:
        phone = indian_mobile()
        body = {"given_name": given, "family_name": family, "sex": sex, "birth_date": born, "phone": phone}
        patient = gateway.expect(201, "POST", "/patients", token=token, json=body)
        registered.append({"id": patient["id"], "phone": phone})
    return registered


def indian_mobile() -> str:
    """A number of the right form that nobody is told about."""
    return f"+919{secrets.randbelow(10**9):09}"


def _email(name: str, clinic: str) -> str:
    who = "".join(char if char.isalnum() else "." for char in name.lower().removeprefix("dr "))
    where = "".join(char for char in clinic.lower() if char.isalnum())
    return f"{who}.{secrets.token_hex(3)}@{where}.example"


def _password() -> str:
    return f"{secrets.token_urlsafe(12)}-Aa1"


def _device(name: str) -> Seed:
    return {"id": new_id("device"), "name": name}
