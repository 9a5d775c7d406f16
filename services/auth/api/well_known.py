"""What every verifier of tokens asks for: the public keys, and the sessions that ended early."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from libs.common.security.permissions import public
from services.auth.api import access

router = APIRouter(prefix="/.well-known", tags=["keys"])


class Jwk(BaseModel):
    """An Ed25519 public key (RFC 8037)."""

    kty: str
    crv: str
    alg: str
    use: str
    kid: str
    x: str


class KeySetView(BaseModel):
    keys: list[Jwk]


class EndedSessionsView(BaseModel):
    """Ids of sessions that ended while an access token of theirs may still live."""

    sids: list[str]


@router.get("/jwks.json", dependencies=[public("Public keys are public")])
async def read_keys(keys: access.Keys, response: Response) -> KeySetView:
    """The keys that tokens are signed with now, soon, or were until a day ago."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return KeySetView(keys=[Jwk(**key) for key in keys.key_set()])


@router.get("/revoked-sessions", dependencies=[public("Session ids open nothing; the gateway does not serve this")])
async def read_ended_sessions(ended: access.Ended) -> EndedSessionsView:
    """Asked by every verifier, every twenty seconds."""
    return EndedSessionsView(sids=await ended.listed())
