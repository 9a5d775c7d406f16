"""The keys tokens are signed with: published early, signing later, verifying until the last token has expired."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from libs.common.aggregate import Aggregate
from services.auth.domain.session import LONGEST_ACCESS

_KEPT_AFTER_LAST_SIGNATURE = LONGEST_ACCESS + timedelta(hours=1)


class KeyState(StrEnum):
    PUBLISHED = "published"
    """In the key set, so that verifiers know it before it signs."""
    SIGNING = "signing"
    VERIFYING = "verifying"
    """Signs no more; what it has signed is still good."""
    RETIRED = "retired"


class KeyPolicy(BaseModel):
    """How long a key signs, and how long it is published before it does. `withdrawn` keys have leaked."""

    signs_for: timedelta
    published_for: timedelta
    withdrawn: frozenset[str] = frozenset()


class SigningKey(Aggregate):
    """An Ed25519 key pair; its id is the `kid`. `public` is the raw key as in a JWK, `wrapped` the private key under
    the key-encryption key named `wrapped_with`."""

    state: KeyState = KeyState.PUBLISHED
    public: str
    wrapped: str
    wrapped_with: str
    published_at: datetime
    signing_since: datetime | None = None
    superseded_at: datetime | None = None
    retired_at: datetime | None = None


class KeyRotation:
    """One step of the keys' life; `changed` is what it moved, in the order to store it."""

    def __init__(self, keys: Iterable[SigningKey], policy: KeyPolicy, now: datetime) -> None:
        self._keys = list(keys)
        self._policy = policy
        self._now = now
        self.changed: list[SigningKey] = []

    def step(self, spare: SigningKey) -> None:
        """Retire, hand over, and see to it that there is a signer and a published next one. `spare` is taken in
        when one is missing; run it again until nothing changes."""
        for key in self._keys:
            if key.id in self._policy.withdrawn or self._is_done(key):
                self._move(key, KeyState.RETIRED)
        signer, upcoming = self._in(KeyState.SIGNING), self._in(KeyState.PUBLISHED)
        if signer is None:
            self._move(upcoming or spare, KeyState.SIGNING)
        elif upcoming is None:
            self._move(spare, KeyState.PUBLISHED)
        elif self._is_due(signer, upcoming):
            self._move(signer, KeyState.VERIFYING)
            self._move(upcoming, KeyState.SIGNING)

    def _in(self, state: KeyState) -> SigningKey | None:
        return next((key for key in self._keys if key.state is state), None)

    def _is_due(self, signer: SigningKey, upcoming: SigningKey) -> bool:
        signed_for = self._now - (signer.signing_since or signer.published_at)
        published_for = self._now - upcoming.published_at
        return signed_for >= self._policy.signs_for and published_for >= self._policy.published_for

    def _is_done(self, key: SigningKey) -> bool:
        return key.superseded_at is not None and self._now - key.superseded_at >= _KEPT_AFTER_LAST_SIGNATURE

    def _move(self, key: SigningKey, state: KeyState) -> None:
        key.state = state
        if state is KeyState.SIGNING:
            key.signing_since = self._now
        elif state is KeyState.VERIFYING:
            key.superseded_at = self._now
        elif state is KeyState.RETIRED:
            key.retired_at = self._now
        if key not in self.changed:
            self.changed.append(key)
