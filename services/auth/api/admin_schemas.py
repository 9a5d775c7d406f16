"""The public shapes of administration: staff and clinics."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, model_validator

from libs.common.web.body import Body
from libs.contracts.roles import STAFF_ROLES, Role
from services.auth.api.schemas import DeviceInfo, Email, Name, Password, Phone
from services.auth.domain.clinic import Clinic
from services.auth.domain.user import User
from services.auth.domain.zone import time_zone


def _of_staff(role: Role) -> Role:
    if role not in STAFF_ROLES:
        raise ValueError(f"one of: {', '.join(STAFF_ROLES)}")
    return role


StaffRole = Annotated[Role, AfterValidator(_of_staff)]
Zone = Annotated[str, Field(max_length=64, examples=["Asia/Kolkata"]), AfterValidator(time_zone)]
Gstin = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$",
        description="The fifteen digits and capital letters of a GSTIN",
        examples=["29ABCDE1234F1Z5"],
    ),
]


class StaffRequest(Body):
    """Without `password` the answer holds a token with which they choose one."""

    email: Email
    name: Name
    role: StaffRole
    phone: Phone | None = None
    password: Password | None = None


class StaffPatch(Body):
    """Only what is given changes; a new role or status ends their sessions."""

    name: Name | None = None
    role: StaffRole | None = None
    active: bool | None = None


class StaffView(BaseModel):
    id: str
    clinic_id: str
    email: str
    name: str
    role: Role
    phone: str | None
    active: bool
    second_factor: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User, phone: str | None) -> "StaffView":
        return cls(
            id=user.id,
            clinic_id=user.clinic_id,
            email=user.email,
            name=user.display_name,
            role=user.role,
            phone=phone,
            active=user.active,
            second_factor=user.totp is not None,
            created_at=user.created_at,
        )


class DoctorView(BaseModel):
    """Who can be booked. Nothing of a person but the name: patients read this."""

    id: str
    name: str
    clinic_id: str

    @classmethod
    def of(cls, user: User) -> "DoctorView":
        return cls(id=user.id, name=user.display_name, clinic_id=user.clinic_id)


class InvitedView(StaffView):
    """`setup_token` is shown once: hand it to them, they send it to `/auth/password/set`."""

    setup_token: str | None


class SetupTokenView(BaseModel):
    """Shown once: hand it to them, they send it to `/auth/password/set` within three days."""

    user_id: str
    setup_token: str


class FirstAdminRequest(Body):
    """With `device`, that device is approved: there is nobody else yet who could."""

    email: Email
    name: Name
    password: Password
    device: DeviceInfo | None = None


class ClinicRequest(Body):
    """Two administrators can approve each other's devices; one alone depends on the first device. At least one of
    them comes with a device."""

    name: Name
    zone: Zone = "Asia/Kolkata"
    gstin: Gstin | None = None
    admin: FirstAdminRequest
    second_admin: FirstAdminRequest | None = None

    @model_validator(mode="after")
    def _two_people(self) -> "ClinicRequest":
        if self.second_admin is not None and self.second_admin.email == self.admin.email:
            raise ValueError("the two administrators have different email addresses")
        return self


class FirstAdminView(BaseModel):
    """`totp_secret` is shown once: it goes into their authenticator app."""

    id: str
    email: str
    totp_secret: str
    device: DeviceInfo | None


class OpenedClinicView(BaseModel):
    clinic_id: str
    admin: FirstAdminView
    second_admin: FirstAdminView | None


class ClinicSummary(BaseModel):
    """What everybody with an account may know of a clinic."""

    id: str
    name: str

    @classmethod
    def of(cls, clinic: Clinic) -> "ClinicSummary":
        return cls(id=clinic.id, name=clinic.name)


class ClinicPatch(Body):
    """Only what is given changes; `gstin: null` takes it away."""

    name: Name | None = None
    zone: Zone | None = None
    gstin: Gstin | None = None


class ClinicView(BaseModel):
    id: str
    name: str
    zone: str
    gstin: str | None

    @classmethod
    def of(cls, clinic: Clinic) -> "ClinicView":
        return cls.model_validate(clinic, from_attributes=True)
