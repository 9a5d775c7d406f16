"""A staff member: what they may do, and what proves that it is them."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from libs.common.aggregate import Aggregate
from libs.contracts.roles import ADMIN, Role
from services.auth.domain.errors import MfaCodeWrong, MfaNotOffered, SetupTokenInvalid
from services.auth.domain.secret_token import SecretToken

SETUP_LIFE = timedelta(days=3)


class PasswordSetup(BaseModel):
    """The right to choose a password once."""

    token_hash: str
    expires_at: datetime


class SecondFactorProof(BaseModel):
    """What a right code was: the time step of an authenticator's code, or the digest of a recovery code."""

    step: int | None = None
    recovery_digest: str | None = None


class User(Aggregate):
    """`phone`, `totp` and `totp_offered` are encrypted; `recovery_codes` are keyed digests, each good once.

    `totp_offered` is a secret that waits for its first code; the one in force stays so until then.
    `session_generation` counts how often all sessions were ended: those of an earlier generation are over.
    """

    email: str
    display_name: str
    role: Role
    phone: str | None = None
    active: bool = True
    password_hash: str | None = None
    setup: PasswordSetup | None = None
    totp: str | None = None
    totp_offered: str | None = None
    totp_last_step: int = 0
    recovery_codes: list[str] = []
    session_generation: int = 0

    @property
    def needs_second_factor(self) -> bool:
        """Administrators always, others once they have one."""
        return self.role is ADMIN or self.totp is not None

    @property
    def administers(self) -> bool:
        return self.active and self.role is ADMIN

    def end_sessions(self) -> None:
        """All so far, also those that are being opened at this moment, and logins that wait for a code."""
        self.session_generation += 1

    def believes(self, generation: int) -> bool:
        """Whether a session or a login of this generation still counts."""
        return self.active and generation == self.session_generation

    def invite(self, now: datetime) -> SecretToken:
        """A token with which they choose a password; the password so far does not work any more."""
        token = SecretToken.new(self.id)
        self.password_hash = None
        self.setup = PasswordSetup(token_hash=token.hash, expires_at=now + SETUP_LIFE)
        return token

    def check_setup(self, token: SecretToken, now: datetime) -> None:
        """Raises `SetupTokenInvalid` unless the token lets them choose a password now."""
        if self.setup is None or not token.opens(self.setup.token_hash) or now >= self.setup.expires_at:
            raise SetupTokenInvalid
        if not self.active:
            raise SetupTokenInvalid

    def choose_password(self, password_hash: str) -> None:
        self.password_hash = password_hash
        self.setup = None

    def accept(self, proof: SecondFactorProof) -> None:
        """Each code works once, even when it comes twice at the same moment. Raises `MfaCodeWrong`."""
        if proof.step is not None:
            self._use_step(proof.step)
        elif proof.recovery_digest in self.recovery_codes:
            self.recovery_codes = [code for code in self.recovery_codes if code != proof.recovery_digest]
        else:
            raise MfaCodeWrong

    def confirm_totp(self, proof: SecondFactorProof, recovery_codes: list[str]) -> None:
        """The first code of the offered secret puts it in force, with recovery codes of its own."""
        if self.totp_offered is None or proof.step is None:
            raise MfaNotOffered
        self._use_step(proof.step)
        self.totp, self.totp_offered = self.totp_offered, None
        self.recovery_codes = recovery_codes

    def forget_second_factor(self) -> None:
        """For somebody who lost it; an administrator gets a new one with the next login."""
        self.totp = self.totp_offered = None
        self.recovery_codes = []

    def _use_step(self, step: int) -> None:
        if step <= self.totp_last_step:
            raise MfaCodeWrong
        self.totp_last_step = step
