"""Every way tokens have been forged before, against a real route: none is let in."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.common.ids import new_id
from services.auth.tests.builders import Auth, Clinic

Token = Callable[["Forger"], str]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Forger:
    """Knows everything public, and one real signing key, which only the well-signed variants use."""

    def __init__(self, auth: Auth, clinic: Clinic) -> None:
        keys = auth.runtime.signing_keys
        self.kid, self.key = keys.signer
        self.issuer = auth.runtime.settings.token_issuer
        self.own = Ed25519PrivateKey.generate()
        now = int(time.time())
        self.claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "clinic",
            "sub": clinic.admin.id,
            "kind": "staff",
            "role": "admin",
            "clinic_id": clinic.id,
            "sid": new_id("ses"),
            "auth_time": now,
            "jti": new_id("jti"),
            "iat": now,
            "exp": now + 900,
        }

    def signed(self, *, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Signed with the real key unless another is given; a claim of None is left out."""
        merged = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        headers = {"kid": self.kid, "typ": "at+jwt", **(header or {})}
        return jwt.encode(merged, key or self.key, algorithm="EdDSA", headers=headers)

    def raw(self, header: dict[str, Any], signature: bytes = b"") -> str:
        head, body = (_b64(json.dumps(part).encode()) for part in (header, self.claims))
        return f"{head}.{body}.{_b64(signature)}"

    def hs256(self, secret: bytes) -> str:
        unsigned = self.raw({"alg": "HS256", "kid": self.kid, "typ": "at+jwt"}).rpartition(".")[0]
        return f"{unsigned}.{_b64(hmac.digest(secret, unsigned.encode(), sha256))}"

    def public(self, encoding: Encoding, form: PublicFormat) -> bytes:
        return bytes(self.key.public_key().public_bytes(encoding, form))

    def own_jwk(self) -> dict[str, str]:
        return {"kty": "OKP", "crv": "Ed25519", "x": _b64(self.own.public_key().public_bytes_raw())}


def _tampered(forger: Forger) -> str:
    head, _, signature = forger.signed(role="nurse").split(".")
    return f"{head}.{_b64(json.dumps(forger.claims).encode())}.{signature}"


def _other_algorithm(forger: Forger, key: Any, algorithm: str) -> str:
    return jwt.encode(forger.claims, key, algorithm=algorithm, headers={"kid": forger.kid, "typ": "at+jwt"})


FORGERIES: dict[str, Token] = {
    "alg none": lambda f: f.raw({"alg": "none", "kid": f.kid, "typ": "at+jwt"}),
    "alg None": lambda f: f.raw({"alg": "None", "kid": f.kid, "typ": "at+jwt"}),
    "alg none with a signature": lambda f: f.raw({"alg": "none", "kid": f.kid, "typ": "at+jwt"}, b"x" * 64),
    "alg EdDSA without a signature": lambda f: f.raw({"alg": "EdDSA", "kid": f.kid, "typ": "at+jwt"}),
    "alg EdDSA with a signature of zeros": lambda f: f.raw({"alg": "EdDSA", "kid": f.kid, "typ": "at+jwt"}, bytes(64)),
    "HS256 with the public key, raw": lambda f: f.hs256(f.public(Encoding.Raw, PublicFormat.Raw)),
    "HS256 with the public key, PEM": lambda f: f.hs256(f.public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with the public key, DER": lambda f: f.hs256(f.public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with an empty key": lambda f: f.hs256(b""),
    "ES256": lambda f: _other_algorithm(f, ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "RS256": lambda f: _other_algorithm(f, rsa.generate_private_key(65537, 2048), "RS256"),
    "another key under our kid": lambda f: f.signed(key=f.own),
    "an unknown kid": lambda f: f.signed(key=f.own, header={"kid": new_id("key")}),
    "a kid that is a path": lambda f: f.signed(key=f.own, header={"kid": "../../dev/null"}),
    "a kid that is a query": lambda f: f.signed(key=f.own, header={"kid": "' OR 1=1 --"}),
    "no kid": lambda f: jwt.encode(f.claims, f.key, algorithm="EdDSA", headers={"typ": "at+jwt"}),
    "an embedded jwk": lambda f: f.signed(key=f.own, header={"jwk": f.own_jwk()}),
    "a jku": lambda f: f.signed(key=f.own, header={"jku": "https://attacker.test/jwks.json"}),
    "an x5u": lambda f: f.signed(key=f.own, header={"x5u": "https://attacker.test/cert.pem"}),
    "an x5c": lambda f: f.signed(key=f.own, header={"x5c": ["MIIB"]}),
    "a crit extension, well signed": lambda f: f.signed(header={"crit": ["exp"]}),
    "a jwk beside our signature": lambda f: f.signed(header={"jwk": f.own_jwk()}),
    "typ JWT": lambda f: f.signed(header={"typ": "JWT"}),
    "no typ": lambda f: f.signed(header={"typ": None}),
    "a service token's typ": lambda f: f.signed(header={"typ": "svc+jwt"}),
    "an access token of a service": lambda f: f.signed(kind="service", role="system"),
    "another audience": lambda f: f.signed(aud="registry"),
    "an audience among others": lambda f: f.signed(aud=["clinic", "attacker"]),
    "no audience": lambda f: f.signed(aud=None),
    "another issuer": lambda f: f.signed(iss="https://attacker.test"),
    "no issuer": lambda f: f.signed(iss=None),
    "expired": lambda f: f.signed(exp=int(time.time()) - 60),
    "no expiry": lambda f: f.signed(exp=None),
    "issued in the future": lambda f: f.signed(iat=int(time.time()) + 3600),
    "not before the future": lambda f: f.signed(nbf=int(time.time()) + 3600),
    "no subject": lambda f: f.signed(sub=None),
    "no token id": lambda f: f.signed(jti=None),
    "no session": lambda f: f.signed(sid=None),
    "an unknown kind": lambda f: f.signed(kind="root"),
    "claims exchanged under a signature": _tampered,
    "cut in the middle": lambda f: f.signed()[:-20],
    "four parts": lambda f: f.signed() + ".x",
    "not a token": lambda _: "null",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def forger(auth: Auth) -> Forger:
    return Forger(auth, await Clinic.open(auth))


async def test_a_well_made_token_is_let_in(auth: Auth, forger: Forger) -> None:
    answer = await auth.service.call("GET", "/auth/me", token=forger.signed())
    assert answer.status == 200


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_not(auth: Auth, forger: Forger, name: str) -> None:
    answer = await auth.service.call("GET", "/auth/me", token=FORGERIES[name](forger))
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert forger.claims["clinic_id"] not in str(answer.body)


async def test_a_forger_has_tried_enough() -> None:
    assert len(FORGERIES) >= 20
