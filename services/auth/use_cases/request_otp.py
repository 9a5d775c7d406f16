"""Issue a code for a phone; notifications fetches and sends it."""

from libs.common.command import Command
from libs.contracts.auth import OtpRequested
from services.auth.domain.otp_challenge import OtpChallenge
from services.auth.use_cases.ports import AuthTx


class RequestOtp(Command):
    """`phone` and `code` come encrypted for this challenge."""

    challenge_id: str
    account_id: str
    phone: str
    code: str
    code_digest: str
    language: str
    device_name: str | None = None


async def request_otp(command: RequestOtp, tx: AuthTx) -> OtpChallenge:
    previous = await tx.challenges.newest_of(command.account_id)
    challenge = OtpChallenge.request(previous, **command.model_dump(), now=tx.now)
    tx.challenges.add(challenge)
    tx.publish(OtpRequested.of(challenge))
    return challenge
