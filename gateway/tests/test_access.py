"""Who gets in: tokens, forgeries, revoked sessions, public paths, browsers of other origins."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.tests.conftest import RunningGateway, Start, json_answer
from gateway.tests.stubs import StubService
from libs.common.security.tokens import ACCESS_TOKEN, sign
from libs.common.testing.identity import ISSUER, KID, FixedKeys, TokenMint


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _forgeries(keys: FixedKeys) -> dict[str, str]:
    mint = TokenMint(keys)
    good = mint.staff("admin", "cln_1")
    header, payload, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    public = keys.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = Ed25519PrivateKey.generate()
    now = int(time.time())
    hs256 = _encoded({"alg": "HS256", "kid": KID, "typ": ACCESS_TOKEN})
    with_jwk = _encoded({"alg": "EdDSA", "kid": KID, "typ": ACCESS_TOKEN, "jwk": {}})
    mac = base64.urlsafe_b64encode(hmac.new(public, f"{hs256}.{payload}".encode(), hashlib.sha256).digest())
    return {
        "none": f"{_encoded({'alg': 'none', 'kid': KID, 'typ': ACCESS_TOKEN})}.{payload}.",
        "hs256 with the public key": f"{hs256}.{payload}.{mac.rstrip(b'=').decode()}",
        "another key": sign(claims, key=other, kid=KID, token_type=ACCESS_TOKEN),
        "an unknown kid": sign(claims, key=other, kid="unknown", token_type=ACCESS_TOKEN),
        "a changed payload": f"{header}.{_encoded({**claims, 'role': 'compliance'})}.{signature}",
        "expired": mint.staff("admin", "cln_1", exp=now - 60),
        "another audience": mint.staff("admin", "cln_1", aud="registry"),
        "another issuer": mint.staff("admin", "cln_1", iss="https://evil"),
        "a service token": mint.service("scheduling", "registry"),
        "a device token": sign(claims, key=keys.private, kid=KID, token_type="device+jwt"),
        "jwk in the header": f"{with_jwk}.{payload}.{signature}",
        "garbage": "a.b.c",
    }


async def test_no_forgery_gets_in(gateway: RunningGateway, service: StubService, keys: FixedKeys) -> None:
    for name, token in _forgeries(keys).items():
        reply = await gateway.client.get("/patients/1", headers={"Authorization": f"Bearer {token}"})
        assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated"), name
        assert reply.headers["www-authenticate"] == "Bearer"
    for header in ("Basic dXNlcjpwYXNz", "bearer", ISSUER):
        reply = await gateway.client.get("/patients/1", headers={"Authorization": header})
        assert reply.status_code == 401
    assert (await gateway.client.get("/patients/1")).status_code == 401
    assert service.for_path("/patients/1") == []


async def test_public_paths_need_no_token_and_auth_judges_its_own(
    gateway: RunningGateway, service: StubService
) -> None:
    for path in ("/auth/otp/request", "/auth/login", "/auth/refresh", "/webhooks/sms", "/clinics"):
        assert (await gateway.client.post(path, json={})).status_code == 200
    device = {"Authorization": "Bearer not-an-access-token"}
    assert (await gateway.client.get("/auth/devices/status", headers=device)).status_code == 200
    assert service.for_path("/auth/devices/status")[0].header("authorization") == device["Authorization"]
    assert (await gateway.client.get("/.well-known/jwks.json")).json()["keys"]


async def test_what_is_not_routed_is_a_404(gateway: RunningGateway, service: StubService) -> None:
    before = len(service.received)
    for path in ("/internal/accounts/x", "/.well-known/revoked-sessions", "/nothing", "/docs/../internal", "/docs/x"):
        reply = await gateway.client.get(path, headers=gateway.bearer())
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.status_code in (400, 404)
    assert [request.target for request in service.received[before:] if "internal" in request.target] == []


async def test_a_revoked_session_is_out(start: Start, service: StubService) -> None:
    service.answers["/.well-known/revoked-sessions"] = json_answer({"sids": ["ses_gone"]})
    gateway = await start()
    gone = await gateway.client.get("/patients/1", headers=gateway.bearer(sid="ses_gone"))
    assert gone.status_code == 401
    assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).status_code == 200


async def test_without_keys_it_is_unready_and_lets_nobody_in(start: Start, service: StubService) -> None:
    service.answers["/.well-known/jwks.json"] = json_answer({}, "500 Internal Server Error")
    gateway = await start()
    reply = await gateway.client.get("/readyz")
    assert (reply.status_code, reply.json()["checks"]["keys"]) == (503, "not loaded yet")
    assert (await gateway.client.get("/patients/1", headers=gateway.bearer())).status_code == 401
    assert (await gateway.client.get("/healthz")).status_code == 200


async def test_browsers_of_other_origins(start: Start, service: StubService) -> None:
    gateway = await start(cors_origins=["https://app.clinic.example"], environment="development")
    for origin in ("https://app.clinic.example", "http://localhost:5173"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = await gateway.client.options("/patients", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
        assert preflight.headers["vary"] == "Origin"
        real = await gateway.client.get("/patients/1", headers={**gateway.bearer(), "Origin": origin})
        assert real.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in real.headers
        refused = await gateway.client.get("/patients/1", headers={"Origin": origin})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin)
    for origin in ("https://evil.example", "https://app.clinic.example.evil.example", "null", "http://localhost.evil"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        assert "access-control-allow-origin" not in (await gateway.client.options("/patients", headers=asked)).headers
        real = await gateway.client.get("/patients/1", headers={**gateway.bearer(), "Origin": origin})
        assert "access-control-allow-origin" not in real.headers
    assert service.for_path("/patients") == []


async def test_production_allows_no_origin_by_default(start: Start) -> None:
    gateway = await start(environment="production")
    reply = await gateway.client.get("/healthz", headers={"Origin": "http://localhost:5173"})
    assert "access-control-allow-origin" not in reply.headers
    real = await gateway.client.get("/patients/1", headers={**gateway.bearer(), "Origin": "http://localhost:5173"})
    assert "access-control-allow-origin" not in real.headers


@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        ([], "203.0.113.9", "127.0.0.1"),
        (["127.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
        (["127.0.0.0/8"], "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (["127.0.0.0/8", "10.0.0.0/8"], "203.0.113.9, 10.1.2.3", "203.0.113.9"),
        (["127.0.0.0/8"], "not an address", "127.0.0.1"),
    ],
)
async def test_only_a_trusted_proxy_names_the_client(
    start: Start, service: StubService, trusted: list[str], forwarded: str, seen: str
) -> None:
    gateway = await start(trusted_proxies=trusted)
    headers = {**gateway.bearer(), "X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    await gateway.client.get("/patients/1", headers=headers)
    (request,) = service.for_path("/patients/1")
    assert request.header("x-forwarded-for") == seen
    assert request.header("x-forwarded-proto") == ("https" if trusted else "http")


async def test_refusals_are_problem_documents(gateway: RunningGateway) -> None:
    reply = await gateway.client.get("/patients/1", headers={"X-Request-ID": "my-request-1"})
    assert orjson.loads(reply.content) == {
        "type": "urn:problem:unauthenticated",
        "title": "Log in first",
        "status": 401,
        "detail": "Send an access token: Authorization: Bearer <token>",
        "code": "unauthenticated",
        "request_id": "my-request-1",
    }
