"""See to it that there is a key that signs and a published one that will, and that old ones go."""

from datetime import timedelta
from typing import TypeVar

from libs.common.clock import Clock
from libs.common.crypto.keyring import KeyWrapper
from libs.common.mongo.transact import Transactor
from libs.common.security.caller import system_caller
from services.auth.adapters.signing_keys import new_signing_key
from services.auth.domain.signing_key import KeyPolicy
from services.auth.settings import AuthSettings
from services.auth.use_cases.ports import AuthTx
from services.auth.use_cases.rotate_signing_keys import RotateSigningKeys, rotate_signing_keys

T = TypeVar("T", bound=AuthTx)

_STEPS_AT_MOST = 10


async def rotate_keys(transact: Transactor[T], wrapper: KeyWrapper, clock: Clock, settings: AuthSettings) -> int:
    """Bring the keys to where they should be now; returns how many moved. Safe in any number of replicas at once."""
    policy = KeyPolicy(
        signs_for=timedelta(days=settings.signing_key_days),
        published_for=timedelta(minutes=settings.signing_key_published_minutes),
        withdrawn=settings.withdrawn_signing_keys,
    )
    moved = 0
    for _ in range(_STEPS_AT_MOST):
        command = RotateSigningKeys(policy=policy, spare=await new_signing_key(wrapper, clock))
        step = await transact(rotate_signing_keys, command, by=system_caller("auth", None))
        if step == 0:
            break
        moved += step
    return moved
