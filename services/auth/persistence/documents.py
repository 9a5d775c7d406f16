"""The collections of auth and their indexes. A document is its domain model, plus where it lies."""

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from libs.common.crypto.rotation import SealedCollection
from services.auth.domain.clinic import Clinic
from services.auth.domain.device import Device
from services.auth.domain.otp_challenge import OtpChallenge
from services.auth.domain.pending_login import PendingLogin
from services.auth.domain.session import Session
from services.auth.domain.signing_key import KeyState, SigningKey
from services.auth.domain.user import User

EMAIL = "email"
USER_DEVICE = "user_device"
ACCOUNT_NUMBER = "account_number"
ONE_SIGNING = "one_signing"
ONE_PUBLISHED = "one_published"

_A_DAY = 24 * 3600
_NINETY_DAYS = 90 * _A_DAY


class ClinicDocument(Clinic, Document):
    class Settings:
        name = "clinics"
        indexes = [IndexModel([("clinic_id", ASCENDING)], name="clinic")]


class UserDocument(User, Document):
    class Settings:
        name = "users"
        indexes = [
            IndexModel([("email", ASCENDING)], name=EMAIL, unique=True),
            IndexModel([("clinic_id", ASCENDING), ("_id", ASCENDING)], name="clinic"),
        ]


SEALED_USERS = SealedCollection("users", {"phone": "phone", "totp": "totp", "totp_offered": "totp"})
"""Codes sent to phones are encrypted, too; they are gone within a day, and keep the key they were made with."""


class DeviceDocument(Device, Document):
    class Settings:
        name = "devices"
        indexes = [
            IndexModel([("user_id", ASCENDING), ("given_id", ASCENDING)], name=USER_DEVICE, unique=True),
            IndexModel([("user_id", ASCENDING), ("status", ASCENDING)], name="user_status"),
            IndexModel([("clinic_id", ASCENDING), ("status", ASCENDING), ("_id", ASCENDING)], name="clinic_status"),
        ]


class SessionDocument(Session, Document):
    class Settings:
        name = "sessions"
        indexes = [
            IndexModel([("holder_id", ASCENDING), ("ended_at", ASCENDING)], name="holder_ended"),
            IndexModel([("device_id", ASCENDING), ("ended_at", ASCENDING)], name="device_ended"),
            IndexModel([("kind", ASCENDING), ("ended_at", DESCENDING)], name="kind_ended"),
            IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=_NINETY_DAYS),
        ]


class OtpChallengeDocument(OtpChallenge, Document):
    class Settings:
        name = "otp_challenges"
        indexes = [
            IndexModel([("account_id", ASCENDING), ("number", DESCENDING)], name=ACCOUNT_NUMBER, unique=True),
            IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=_A_DAY),
        ]


class PendingLoginDocument(PendingLogin, Document):
    class Settings:
        name = "pending_logins"
        indexes = [IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=_A_DAY)]


class SigningKeyDocument(SigningKey, Document):
    """At most one key signs and at most one is next, however many replicas start at the same moment."""

    class Settings:
        name = "signing_keys"
        indexes = [
            IndexModel(
                [("state", ASCENDING)],
                name=ONE_SIGNING,
                unique=True,
                partialFilterExpression={"state": KeyState.SIGNING.value},
            ),
            IndexModel(
                [("state", ASCENDING), ("clinic_id", ASCENDING)],
                name=ONE_PUBLISHED,
                unique=True,
                partialFilterExpression={"state": KeyState.PUBLISHED.value},
            ),
        ]


DOCUMENTS: list[type[Document]] = [
    ClinicDocument,
    UserDocument,
    DeviceDocument,
    SessionDocument,
    OtpChallengeDocument,
    PendingLoginDocument,
    SigningKeyDocument,
]
