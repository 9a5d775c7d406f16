"""Move the signing keys one step on, if it is time."""

from libs.common.command import Command
from services.auth.domain.signing_key import KeyPolicy, KeyRotation, SigningKey
from services.auth.permissions import SIGNING_KEY_ROTATE
from services.auth.use_cases.ports import AuthTx


class RotateSigningKeys(Command):
    """`spare` is a new key, taken in when one is missing."""

    policy: KeyPolicy
    spare: SigningKey


async def rotate_signing_keys(command: RotateSigningKeys, tx: AuthTx) -> int:
    """How many keys moved; 0 when all is as it should be."""
    rotation = KeyRotation(await tx.signing_keys.in_use(), command.policy, tx.now)
    rotation.step(command.spare.model_copy())
    for key in rotation.changed:
        tx.signing_keys.keep(key)
        tx.audit(SIGNING_KEY_ROTATE, key)
    return len(rotation.changed)
