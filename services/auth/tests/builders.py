"""A clinic to test auth in: opened as the platform's operator does, with people who log in as people do."""

import secrets
from dataclasses import dataclass, field
from typing import Any, cast

import pyotp

from libs.common.ids import new_id
from libs.common.testing.service_under_test import Answer, ServiceUnderTest
from libs.contracts.auth_api import OtpDelivery
from libs.contracts.roles import ADMIN, FRONT_DESK
from services.auth.bootstrap import AuthRuntime

BOOTSTRAP_TOKEN = "bootstrap-token-of-the-tests"
PASSWORD = "correct horse battery"


def a_phone() -> str:
    """A number nobody else in these tests has."""
    return f"+919{secrets.randbelow(10**9):09}"


def an_email(name: str = "somebody") -> str:
    return f"{name}.{secrets.token_hex(6)}@clinic.test"


@dataclass
class Person:
    """A staff member and the device they use."""

    id: str
    email: str
    password: str = PASSWORD
    totp_secret: str | None = None
    device: dict[str, str] = field(default_factory=lambda: {"id": secrets.token_hex(8), "name": "a laptop"})


class Auth:
    """Short ways to do what clients do, through the API."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service
        self.runtime = cast("AuthRuntime", service.runtime)
        self._steps_used: dict[str, int] = {}

    # patients

    async def request_otp(self, phone: str, **more: Any) -> Answer:
        return await self.service.call("POST", "/auth/otp/request", json={"phone": phone, **more})

    async def verify_otp(self, challenge_id: str, code: str) -> Answer:
        return await self.service.call("POST", "/auth/otp/verify", json={"challenge_id": challenge_id, "code": code})

    async def delivery(self, challenge_id: str, *, as_service: str = "notifications") -> Answer:
        token = self.service.mint.service(as_service, "auth")
        return await self.service.call("GET", f"/internal/otp-challenges/{challenge_id}/delivery", token=token)

    async def code_for(self, challenge_id: str) -> str:
        """The code as the SMS would show it."""
        return OtpDelivery.model_validate((await self.delivery(challenge_id)).body).code

    async def patient_token(self, phone: str) -> str:
        challenge = (await self.request_otp(phone)).body["challenge_id"]
        verified = await self.verify_otp(challenge, await self.code_for(challenge))
        assert verified.status == 200, verified.body
        return str(verified.body["access_token"])

    # staff

    async def login(self, person: Person, *, device: dict[str, str] | None = None, **changes: Any) -> Answer:
        body = {"email": person.email, "password": person.password, "device": device or person.device, **changes}
        return await self.service.call("POST", "/auth/login", json=body)

    def code_of(self, person: Person) -> str:
        """The next code of their app that was not used yet; a code works once."""
        assert person.totp_secret is not None
        totp = pyotp.TOTP(person.totp_secret)
        step = max(totp.timecode(self.service.clock.now()) - 1, self._steps_used.get(person.id, 0) + 1)
        self._steps_used[person.id] = step
        return totp.generate_otp(step)

    async def tokens_of(self, person: Person) -> dict[str, Any]:
        """Access and refresh token, whatever it takes."""
        answer = await self.login(person)
        if answer.body.get("mfa_required"):
            body = {"mfa_token": answer.body["mfa_token"], "code": self.code_of(person)}
            answer = await self.service.call("POST", "/auth/mfa/verify", json=body)
        assert answer.status == 200, answer.body
        return dict(answer.body)

    async def refresh(self, refresh_token: str, *, key: str | None = None, client: str = "test") -> Answer:
        body = {"refresh_token": refresh_token}
        return await self.service.call("POST", "/auth/refresh", json=body, key=key, headers={"User-Agent": client})


@dataclass
class Clinic:
    """A clinic with two administrators; `admin_token` is the first one's, fresh."""

    auth: Auth
    id: str
    admin: Person
    second_admin: Person

    @classmethod
    async def open(cls, auth: Auth) -> "Clinic":
        admins = [Person("", an_email("admin")), Person("", an_email("other"))]
        asked = [
            {"email": person.email, "name": "Admin", "password": person.password, "device": person.device}
            for person in admins
        ]
        body = {"name": "Demo Clinic", "admin": asked[0], "second_admin": asked[1]}
        opened = await auth.service.call("POST", "/clinics", json=body, headers={"X-Bootstrap-Token": BOOTSTRAP_TOKEN})
        assert opened.status == 201, opened.body
        for person, shown in zip(admins, (opened.body["admin"], opened.body["second_admin"]), strict=True):
            person.id, person.totp_secret = shown["id"], shown["totp_secret"]
        return cls(auth, opened.body["clinic_id"], *admins)

    def token(self, role: str = ADMIN, **claims: Any) -> str:
        """The token of somebody in this role; the admin is the clinic's first one."""
        user_id = self.admin.id if role == ADMIN else new_id("usr")
        return self.auth.service.mint.staff(role, self.id, user_id=user_id, **claims)

    async def invite(self, role: str = FRONT_DESK, **changes: Any) -> Answer:
        body = {"email": an_email(role), "name": "Somebody", "role": role, "password": PASSWORD, **changes}
        return await self.auth.service.call("POST", "/staff", token=self.token(), json=body)

    async def staff(self, role: str = FRONT_DESK) -> Person:
        """Somebody new who can log in from an approved device."""
        invited = await self.invite(role)
        assert invited.status == 201, invited.body
        person = Person(invited.body["id"], invited.body["email"])
        refused = await self.auth.login(person)
        assert refused.code == "device_approval_required", refused.body
        assert (await self.approve(refused.body["device"]["id"])).status == 200
        return person

    async def approve(self, device_id: str, *, token: str | None = None) -> Answer:
        path = f"/auth/devices/{device_id}/approve"
        return await self.auth.service.call("POST", path, token=token or self.token())
