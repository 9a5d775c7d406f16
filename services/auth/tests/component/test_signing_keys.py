"""The keys' life on real storage: several replicas, rotation, withdrawal; and a token of a retired key."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from libs.common.crypto.keyring import Keyring, generate_keyring
from libs.common.errors import Misconfigured
from libs.common.ids import new_id
from libs.common.security.tokens import ACCESS_TOKEN, sign
from libs.common.testing.clock import FrozenClock
from libs.common.testing.identity import ISSUER
from services.auth.bootstrap import AuthRuntime
from services.auth.settings import AuthSettings
from services.auth.tests.builders import Auth, Clinic
from services.auth.tests.component.test_forged_tokens import Forger
from services.auth.tests.conftest import SETTINGS


class Replicas:
    """Runtimes of auth on one database."""

    def __init__(self, mongodb_url: str, redis_url: str) -> None:
        self._settings = AuthSettings(
            **SETTINGS,
            mongodb_url=mongodb_url,
            redis_url=redis_url,
            token_issuer=ISSUER,
            environment="test",
            field_keyring=generate_keyring(),
        )
        self.clock = FrozenClock()
        self._database = f"test_{new_id('t').replace('_', '')}"
        self.running: list[AuthRuntime] = []

    def make(self, **changes: object) -> AuthRuntime:
        settings = self._settings.model_copy(update=changes)
        replica = AuthRuntime(settings, clock=self.clock, database=self._database)
        self.running.append(replica)
        return replica

    async def states(self) -> dict[str, str]:
        return {row["_id"]: row["state"] async for row in self.running[0].db["signing_keys"].find({})}

    async def close(self) -> None:
        await self.running[0].client.drop_database(self._database)
        for replica in self.running:
            await replica.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def replicas(mongodb_url: str, redis_url: str) -> AsyncIterator[Replicas]:
    made = Replicas(mongodb_url, redis_url)
    yield made
    await made.close()


async def test_replicas_that_start_at_once_share_one_signer(replicas: Replicas) -> None:
    starting = [replicas.make() for _ in range(4)]
    await asyncio.gather(*(replica.start() for replica in starting))
    assert sorted((await replicas.states()).values()) == ["published", "signing"]
    assert len({replica.signing_keys.signer.kid for replica in starting}) == 1
    for replica in starting:
        await replica.signing_keys.load()
        assert len(replica.signing_keys.key_set()) == 2


async def test_a_key_is_published_then_signs_then_verifies_then_is_gone(replicas: Replicas) -> None:
    replica = replicas.make()
    await replica.start()
    first = replica.signing_keys.signer.kid
    [upcoming] = [kid for kid, state in (await replicas.states()).items() if state == "published"]

    replicas.clock.advance(days=29)
    await replica.rotate_signing_keys()
    assert replica.signing_keys.signer.kid == first

    replicas.clock.advance(days=1)
    await replica.rotate_signing_keys()
    assert replica.signing_keys.signer.kid == upcoming
    assert replica.signing_keys.get(first) is not None
    assert sorted((await replicas.states()).values()) == ["published", "signing", "verifying"]

    replicas.clock.advance(hours=24)
    await replica.rotate_signing_keys()
    assert replica.signing_keys.get(first) is not None

    replicas.clock.advance(hours=1)
    await replica.rotate_signing_keys()
    assert replica.signing_keys.get(first) is None
    assert (await replicas.states())[first] == "retired"


async def test_a_replica_finds_anothers_new_keys_when_a_token_names_one(replicas: Replicas) -> None:
    one, other = replicas.make(), replicas.make()
    await one.start()
    await other.start()
    await one.db["signing_keys"].delete_many({})
    await one.rotate_signing_keys()
    kid, key = one.signing_keys.signer
    assert other.signing_keys.get(kid) is None
    now = int(replicas.clock.now().timestamp())
    other.signing_keys._min_interval = 0.0
    claims = {"iss": ISSUER, "aud": "clinic", "sub": "usr_x", "kind": "staff", "role": "nurse", "sid": "ses_x"}
    token = sign({**claims, "jti": "j", "iat": 0, "exp": now + 900}, key=key, kid=kid, token_type=ACCESS_TOKEN)
    assert (await other.verifier.verify(token)).subject == "usr_x"


async def test_a_withdrawn_key_is_gone_at_once(replicas: Replicas) -> None:
    replica = replicas.make()
    await replica.start()
    leaked = replica.signing_keys.signer.kid
    careful = replicas.make(withdrawn_signing_keys=frozenset({leaked}))
    await careful.start()
    await replica.signing_keys.load()
    for knowing in (replica, careful):
        assert knowing.signing_keys.signer.kid != leaked
        assert knowing.signing_keys.get(leaked) is None


async def test_private_keys_are_wrapped_and_open_only_with_the_keyring(replicas: Replicas) -> None:
    replica = replicas.make()
    await replica.start()
    raw = replica.signing_keys.signer.key.private_bytes_raw()
    stored = [row async for row in replica.db["signing_keys"].find({})]
    assert raw.hex() not in str(stored)
    stranger = replicas.make(field_keyring=AuthSettings(field_keyring=generate_keyring()).field_keyring)
    with pytest.raises(Exception, match="changed or belongs elsewhere"):
        await stranger.start()


async def test_a_rotated_keyring_still_opens_them(replicas: Replicas) -> None:
    replica = replicas.make()
    await replica.start()
    newer = generate_keyring(previous=replica.settings.field_keyring.get_secret_value())
    assert Keyring.parse(newer).active_key == "k2"
    later = replicas.make(field_keyring=AuthSettings(field_keyring=newer).field_keyring)
    await later.start()
    assert later.signing_keys.signer.kid == replica.signing_keys.signer.kid


async def test_without_its_secrets_it_does_not_start(replicas: Replicas) -> None:
    await replicas.make().start()
    for name in ("field_keyring", "account_pseudonym_key"):
        bare = replicas.make(**{name: AuthSettings().field_keyring})
        with pytest.raises(Misconfigured, match=name.upper()):
            await bare.start()


async def test_a_token_of_a_retired_key_is_refused_everywhere(auth: Auth, clinic: Clinic, clock: FrozenClock) -> None:
    runtime = auth.runtime
    token = Forger(auth, clinic).signed(exp=int(clock.now().timestamp()) + int(timedelta(days=90).total_seconds()))
    assert (await auth.service.call("GET", "/auth/me", token=token)).status == 200
    clock.advance(days=30)
    await runtime.rotate_signing_keys()
    assert (await auth.service.call("GET", "/auth/me", token=token)).status == 200
    clock.advance(hours=25)
    await runtime.rotate_signing_keys()
    assert (await auth.service.call("GET", "/auth/me", token=token)).status == 401


async def test_the_key_set_is_public_and_may_be_kept_for_minutes(auth: Auth) -> None:
    answer = await auth.service.call("GET", "/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    for key in answer.body["keys"]:
        assert set(key) == {"kty", "crv", "alg", "use", "kid", "x"}
        assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")
