"""A client of the public API, for the tools: it says what went wrong in a sentence, and remembers what it did."""

import time
from dataclasses import dataclass
from typing import Any

import httpx
import pyotp

from libs.common.ids import new_id

OTP_ARRIVES_WITHIN = 20.0


class Refused(Exception):
    """The platform answered with a problem where a good answer was expected."""


@dataclass(frozen=True)
class Reply:
    """One call and its answer; times in milliseconds."""

    method: str
    path: str
    status: int
    body: Any
    latency_ms: float
    request_id: str

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


class Gateway:
    """Calls the gateway, and reads the sandbox's phones."""

    def __init__(self, gateway: str, sandbox: str) -> None:
        self.url = gateway.rstrip("/")
        self.sandbox = sandbox.rstrip("/")
        self._http = httpx.Client(timeout=30.0)

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        params: dict[str, Any] | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One request; any answer is a `Reply`."""
        sent = {"X-Request-ID": new_id("req"), **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["Idempotency-Key"] = key
        started = time.perf_counter()
        response = self._http.request(method, self.url + path, json=json, params=params, headers=sent)
        took = (time.perf_counter() - started) * 1000
        is_json = "json" in response.headers.get("content-type", "")
        body = response.json() if response.content and is_json else response.text
        return Reply(method, path, response.status_code, body, took, response.headers.get("x-request-id", ""))

    def expect(self, status: int, method: str, path: str, **request: Any) -> Any:
        """The body of an answer with this status; raises `Refused` with what came instead."""
        reply = self.call(method, path, **request)
        if reply.status != status:
            raise Refused(f"{method} {path}: expected {status}, got {reply.status} {reply.body}")
        return reply.body

    def login(self, person: dict[str, Any]) -> str:
        """A staff member's access token; `person` as in `.run/seed.json`."""
        body = {"email": person["email"], "password": person["password"], "device": person["device"]}
        answer = self.expect(200, "POST", "/auth/login", json=body)
        if answer.get("mfa_required"):
            answer = self._second_factor(answer["mfa_token"], person["totp_secret"])
        return str(answer["access_token"])

    def _second_factor(self, mfa_token: str, secret: str) -> Any:
        """A code works once: take the previous step's, still good, and leave the present one to whoever is next."""
        totp, now = pyotp.TOTP(secret), int(time.time())
        for moment in (now - 30, now):
            body = {"mfa_token": mfa_token, "code": totp.at(moment)}
            reply = self.call("POST", "/auth/mfa/verify", json=body)
            if reply.status == 200:
                return reply.body
        raise Refused(f"second factor: {reply.status} {reply.body}")

    def patient_login(self, phone: str) -> str:
        """A patient's access token, by the code that arrives on their phone."""
        before = len(self.messages(phone, channel="sms"))
        asked = self.expect(202, "POST", "/auth/otp/request", json={"phone": phone})
        code = self.code_on(phone, more_than=before)
        body = {"challenge_id": asked["challenge_id"], "code": code}
        return str(self.expect(200, "POST", "/auth/otp/verify", json=body)["access_token"])

    def code_on(self, phone: str, *, more_than: int = 0) -> str:
        """The six digits of the newest SMS, once there are more texts on the phone than `more_than`."""
        deadline = time.monotonic() + OTP_ARRIVES_WITHIN
        while time.monotonic() < deadline:
            texts = self.messages(phone, channel="sms")
            codes = [word.strip(".,:") for text in texts for word in text["body"].split()]
            codes = [word for word in codes if len(word) == 6 and word.isdigit()]
            if len(texts) > more_than and codes:
                return str(codes[0])
            time.sleep(0.05)
        raise Refused(f"no code arrived on {phone} within {OTP_ARRIVES_WITHIN:.0f} s")

    def messages(self, phone: str, channel: str | None = None) -> list[dict[str, Any]]:
        """What a phone shows, newest first."""
        params = {"to": phone, **({"channel": channel} if channel else {})}
        response = self._http.get(f"{self.sandbox}/messages", params=params)
        response.raise_for_status()
        return list(response.json()["items"])
