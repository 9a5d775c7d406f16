"""The public shapes of logging in: codes, passwords, devices, sessions. They are a contract."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from libs.common.web.body import Body
from services.auth.domain.device import Device, DeviceStatus
from services.auth.domain.session import Session


def _lower(text: str) -> str:
    return text.lower()


_ONE_LINE = r"^[^\x00-\x1f]*$"

Id = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00]*$",
        description="An id as we gave it out",
        examples=["usr_01jd2v7xk4e5ta3m3w2x0v6h7c"],
    ),
]
Secret = Annotated[
    str,
    Field(
        min_length=1,
        max_length=400,
        pattern=r"^[\x21-\x7e]*$",
        description="Letters, digits and signs as we gave them out, without spaces",
        examples=["mfa_01jd2v7xk4e5ta3m3w2x0v6h7c.Zm9vYmFy"],
    ),
]
RetryKeyText = Annotated[
    str,
    Field(
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Visible ASCII characters, new ones for each refresh token; the same ones when you retry",
        examples=["5f0c7a52-9a3e-4a58-8c55-0f0a3c1d2b11"],
    ),
]
Password = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        pattern=r"^[^\x00]*$",
        description="Any text without the null character",
        examples=["correct horse battery"],
    ),
]
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$",
        description="An email address",
        examples=["asha@demo.clinic"],
    ),
    AfterValidator(_lower),
]
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=_ONE_LINE,
        description="A name on one line, without control characters",
        examples=["Dr. Asha Rao"],
    ),
]
SixDigits = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="The six digits of the code", examples=["042137"])]
FactorCode = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{6}|[A-Za-z0-9]{5}-?[A-Za-z0-9]{5})$",
        description="Six digits from the authenticator app, or a recovery code of ten letters and digits",
        examples=["042137", "k7q2m-x4t9b"],
    ),
]
Phone = Annotated[
    str,
    Field(
        min_length=4,
        max_length=32,
        description="An Indian mobile number; +91 may be missing",
        examples=["+919812345678", "98123 45678"],
    ),
]


class DeviceInfo(Body):
    """What a device says about itself; `id` is made once by the client and kept."""

    id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            pattern=r"^[\x21-\x7e]*$",
            description="Letters, digits and signs without spaces",
            examples=["front-desk-1"],
        ),
    ]
    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            pattern=_ONE_LINE,
            description="A name on one line, without control characters",
            examples=["Front desk, left"],
        ),
    ] = "unnamed device"


class OtpRequest(Body):
    phone: Phone
    device: DeviceInfo | None = None
    language: Annotated[
        str,
        Field(pattern=r"^[a-z]{2,3}$", description="A language code of two or three small letters", examples=["hi"]),
    ] = "en"


class OtpRequestedView(BaseModel):
    """Seconds. The same for every number."""

    challenge_id: str
    expires_in: int
    resend_in: int


class OtpVerification(Body):
    challenge_id: Id
    code: SixDigits


class AccessView(BaseModel):
    """`expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme
    expires_in: int


class LoginRequest(Body):
    email: Email
    password: Password
    device: DeviceInfo


class SessionTokensView(AccessView):
    """Use a refresh token once; each answer brings the next one."""

    refresh_token: str


class EnrollmentView(BaseModel):
    """Shown once: type the secret into an authenticator app, or show the link as a QR code."""

    secret: str
    otpauth_uri: str


class MfaRequiredView(BaseModel):
    """Send the code with `mfa_token` to `/auth/mfa/verify`. With `enrollment`, set up the app with it first."""

    mfa_required: Literal[True] = True
    mfa_token: str
    expires_in: int
    enrollment: EnrollmentView | None = None


class MfaVerification(Body):
    mfa_token: Secret
    code: FactorCode


class MfaVerifiedView(SessionTokensView):
    """`recovery_codes` only when this code put a new second factor in force; they are shown once."""

    recovery_codes: list[str] | None = None


class MfaConfirmation(Body):
    code: SixDigits


class RecoveryCodesView(BaseModel):
    """Each is good once, instead of a code from the app."""

    recovery_codes: list[str]


class StepUpRequest(Body):
    """The code of the second factor; the password for those who have none."""

    code: FactorCode | None = None
    password: Password | None = None


class RefreshRequest(Body):
    refresh_token: Secret


class PasswordChoice(Body):
    token: Secret
    password: Password


class SessionView(BaseModel):
    id: str
    device_name: str | None
    opened_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool
    ended_at: datetime | None

    @classmethod
    def of(cls, session: Session, current_id: str | None) -> "SessionView":
        return cls(
            id=session.id,
            device_name=session.device_name,
            opened_at=session.created_at,
            last_used_at=session.rotated_at or session.created_at,
            expires_at=session.expires_at,
            current=session.id == current_id,
            ended_at=session.ended_at,
        )


class MeView(BaseModel):
    """For patients `id` is their account; the fields below `session_id` are staff's."""

    id: str
    kind: str
    role: str
    session_id: str | None
    clinic_id: str | None = None
    display_name: str | None = None
    email: str | None = None
    second_factor: bool | None = None


class DeviceDecision(Body):
    reason: (
        Annotated[
            str,
            Field(
                max_length=500,
                pattern=r"^[^\x00]*$",
                description="Any text without the null character",
                examples=["The laptop was stolen"],
            ),
        ]
        | None
    ) = None


class DeviceView(BaseModel):
    """`id` is ours, `device_id` the one the device gave itself."""

    id: str
    user_id: str
    device_id: str
    name: str
    status: DeviceStatus
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str | None

    @classmethod
    def of(cls, device: Device) -> "DeviceView":
        values = {name: getattr(device, name) for name in cls.model_fields if name != "device_id"}
        return cls.model_construct(**values, device_id=device.given_id)


class DeviceStatusView(BaseModel):
    id: str
    device_id: str
    status: DeviceStatus
