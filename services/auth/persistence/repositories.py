"""Repositories of auth; every query carries the caller's sight, see `libs.common.mongo.repository`."""

from typing import Any

from libs.common.mongo.repository import Repository
from libs.common.mongo.steps import StaleRevision
from libs.common.mongo.tx import Tx
from libs.common.web.pagination import Cursor, Page
from libs.contracts.roles import DOCTOR, PATIENT, STAFF_ROLES
from services.auth.domain.clinic import Clinic
from services.auth.domain.device import Device, DeviceStatus
from services.auth.domain.errors import (
    ChallengeUnknown,
    ClinicUnknown,
    DeviceUnknown,
    EmailTaken,
    SessionUnknown,
    StaffUnknown,
)
from services.auth.domain.otp_challenge import OtpChallenge
from services.auth.domain.pending_login import PendingLogin
from services.auth.domain.session import STAFF_ACCESS, Session
from services.auth.domain.signing_key import KeyState, SigningKey
from services.auth.domain.user import User
from services.auth.persistence import documents as stored
from services.auth.use_cases.ports import AuthTx


def _made_by_another(_aggregate: Any) -> Exception:
    """Somebody was faster: run again, and see theirs."""
    return StaleRevision()


class ClinicRepository(Repository[Clinic]):
    document = stored.ClinicDocument
    aggregate = Clinic
    missing = ClinicUnknown

    async def listed(self, cursor: Cursor) -> Page[Clinic]:
        return await self.page({}, cursor)


class UserRepository(Repository[User]):
    document = stored.UserDocument
    aggregate = User
    missing = StaffUnknown
    duplicates = {stored.EMAIL: lambda _: EmailTaken()}
    masked = frozenset({"email", "phone", "password_hash", "setup", "totp", "totp_offered", "recovery_codes"})

    async def with_email(self, email: str) -> User | None:
        return await self.find_one({"email": email})

    async def listed(self, cursor: Cursor) -> Page[User]:
        return await self.page({}, cursor)

    async def doctors_listed(self, clinic_id: str, cursor: Cursor) -> Page[User]:
        return await self.page({"clinic_id": clinic_id, "role": DOCTOR, "active": True}, cursor)


class DeviceRepository(Repository[Device]):
    document = stored.DeviceDocument
    aggregate = Device
    missing = DeviceUnknown
    duplicates = {stored.USER_DEVICE: _made_by_another}
    masked = frozenset({"status_token_hash"})

    async def of_user(self, user_id: str, given_id: str) -> Device | None:
        return await self.find_one({"user_id": user_id, "given_id": given_id})

    async def waiting_of(self, user_id: str) -> int:
        return await self.collection.count_documents({"user_id": user_id, "status": DeviceStatus.PENDING})

    async def listed(self, cursor: Cursor, status: DeviceStatus | None) -> Page[Device]:
        return await self.page({"status": status or {"$in": list(DeviceStatus)}}, cursor)


class SessionRepository(Repository[Session]):
    document = stored.SessionDocument
    aggregate = Session
    missing = SessionUnknown
    owners = dict.fromkeys((PATIENT, *STAFF_ROLES), "holder_id")
    masked = frozenset({"token_hash", "previous_hash", "nonce", "retry"})

    async def open_of(self, holder_id: str) -> list[Session]:
        return await self.find({"holder_id": holder_id, **self._in_use()})

    async def open_on(self, device_id: str) -> list[Session]:
        return await self.find({"device_id": device_id, **self._in_use()})

    def _in_use(self) -> dict[str, Any]:
        """An access token may outlive its session's end by as long as it lives."""
        return {"ended_at": None, "expires_at": {"$gt": self._tx.now - STAFF_ACCESS}}

    async def listed(self, cursor: Cursor, holder_id: str) -> Page[Session]:
        still_good = {"ended_at": None, "expires_at": {"$gt": self._tx.now}}
        return await self.page({"holder_id": holder_id, **still_good}, cursor)


class ChallengeRepository(Repository[OtpChallenge]):
    document = stored.OtpChallengeDocument
    aggregate = OtpChallenge
    missing = ChallengeUnknown
    duplicates = {stored.ACCOUNT_NUMBER: _made_by_another}

    async def newest_of(self, account_id: str) -> OtpChallenge | None:
        newest = await self.find({"account_id": account_id}, sort=[("number", -1)], limit=1)
        return newest[0] if newest else None


class PendingLoginRepository(Repository[PendingLogin]):
    document = stored.PendingLoginDocument
    aggregate = PendingLogin


class SigningKeyRepository(Repository[SigningKey]):
    document = stored.SigningKeyDocument
    aggregate = SigningKey
    duplicates = {stored.ONE_SIGNING: _made_by_another, stored.ONE_PUBLISHED: _made_by_another}
    masked = frozenset({"wrapped"})

    async def in_use(self) -> list[SigningKey]:
        return await self.find({"state": {"$ne": KeyState.RETIRED}}, sort=[("_id", 1)])

    def keep(self, key: SigningKey) -> None:
        self.add(key) if key.revision == 0 else self.save(key)


class MongoAuthTx(AuthTx):
    """`AuthTx` over MongoDB."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Tx.__init__(self, *args, **kwargs)
        self.clinics = ClinicRepository(self)
        self.users = UserRepository(self)
        self.devices = DeviceRepository(self)
        self.sessions = SessionRepository(self)
        self.challenges = ChallengeRepository(self)
        self.pending_logins = PendingLoginRepository(self)
        self.signing_keys = SigningKeyRepository(self)
