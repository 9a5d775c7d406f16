"""Fixtures of auth's tests."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from libs.common.clock import SystemClock
from libs.common.crypto.keyring import generate_keyring
from libs.common.security.tokens import KeySource, TokenVerifier
from libs.common.testing.clock import FrozenClock
from libs.common.testing.identity import FixedKeys
from libs.common.testing.queries import QueriesSeen
from libs.common.testing.service_under_test import ServiceUnderTest, service_under_test
from services.auth.bootstrap import AuthRuntime
from services.auth.main import build
from services.auth.settings import AuthSettings
from services.auth.tests.builders import BOOTSTRAP_TOKEN, Auth, Clinic

SETTINGS: dict[str, Any] = {
    "account_pseudonym_key": "pseudonym-key-of-the-tests",
    "bootstrap_token": BOOTSTRAP_TOKEN,
    "auth_service_secrets": {"scheduling": "secret-of-scheduling"},
    "otp_per_address_per_hour": 100_000,
    "logins_per_address_per_hour": 100_000,
}


def to_the_present(clock: FrozenClock) -> None:
    clock.advance(seconds=(SystemClock().now() - clock.now()).total_seconds())


class EitherKeys:
    """Our own keys, and the one that tests mint tokens with."""

    def __init__(self, own: KeySource, minted: KeySource) -> None:
        self._own, self._minted = own, minted

    def get(self, kid: str) -> Ed25519PublicKey | None:
        return self._minted.get(kid) or self._own.get(kid)

    async def refresh(self) -> None:
        await self._own.refresh()


class Runtime(AuthRuntime):
    """Auth that also accepts tokens minted by tests. Its clock starts now, because tokens are checked by the
    machine's clock."""

    def __init__(self, settings: AuthSettings, *, key_sources: Any, clock: FrozenClock, **parts: Any) -> None:
        to_the_present(clock)
        super().__init__(settings, clock=clock, **parts)
        minted: FixedKeys = key_sources(self)[0]
        self.verifier = TokenVerifier(
            EitherKeys(self.signing_keys, minted),
            self.revocations,
            issuer=settings.token_issuer,
            service=settings.service_name,
        )


@pytest.fixture(scope="session")
def queries_seen() -> QueriesSeen:
    return QueriesSeen.listening()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(mongodb_url: str, redis_url: str, queries_seen: QueriesSeen) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(
        build,
        Runtime,
        AuthSettings,
        mongodb_url=mongodb_url,
        redis_url=redis_url,
        settings_values={**SETTINGS, "field_keyring": generate_keyring()},
    ) as running:
        yield running


@pytest.fixture
def clock(service: ServiceUnderTest) -> Iterator[FrozenClock]:
    """The service's clock for tests that move it; afterwards it is back in the present."""
    yield service.clock
    to_the_present(service.clock)


@pytest.fixture
def fresh_window(clock: FrozenClock) -> None:
    """For tests that count: all windows begin now, and Redis, which has the machine's clock, forgets none meanwhile."""
    clock.advance(seconds=3600 - clock.now().timestamp() % 3600)


@pytest.fixture(scope="session")
def auth(service: ServiceUnderTest) -> Auth:
    return Auth(service)


@pytest_asyncio.fixture(loop_scope="session")
async def clinic(auth: Auth) -> Clinic:
    """A clinic of its own for each test, so that tests share a database and nothing in it."""
    return await Clinic.open(auth)
