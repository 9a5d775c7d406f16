"""Events of Auth & Identity."""

from libs.common.messaging.events import Event


class AuthEvent(Event):
    publisher = "auth"


class OtpRequested(AuthEvent):
    """A code waits to be sent; phone and code are asked of auth at send time, they are never on the bus."""

    type = "OTP_REQUESTED"
    aggregate_type = "challenge"
    challenge_id: str
    language: str = "en"


class DeviceApprovalRequested(AuthEvent):
    """A staff member logged in from a device nobody has approved yet."""

    type = "DEVICE_APPROVAL_REQUESTED"
    aggregate_type = "device"
    device_id: str
    user_id: str


class DeviceApproved(AuthEvent):
    """An administrator approved the device."""

    type = "DEVICE_APPROVED"
    aggregate_type = "device"
    device_id: str
    user_id: str
    approved_by: str


class DeviceRejected(AuthEvent):
    """An administrator refused the device; it can never log in."""

    type = "DEVICE_REJECTED"
    aggregate_type = "device"
    device_id: str
    user_id: str
    rejected_by: str


class TokenReuseDetected(AuthEvent):
    """An old refresh token was used again; its session is ended."""

    type = "TOKEN_REUSE_DETECTED"
    aggregate_type = "session"
    session_id: str
    user_id: str


class StaffChanged(AuthEvent):
    """A staff member was added, changed role or status. Names of staff are public inside a clinic."""

    type = "STAFF_CHANGED"
    aggregate_type = "user"
    user_id: str
    role: str
    display_name: str
    active: bool


class ClinicChanged(AuthEvent):
    """A clinic was opened or its details changed."""

    type = "CLINIC_CHANGED"
    aggregate_type = "clinic"
    clinic_id: str
    name: str
    zone: str


EVENTS: tuple[type[Event], ...] = (
    OtpRequested,
    DeviceApprovalRequested,
    DeviceApproved,
    DeviceRejected,
    TokenReuseDetected,
    StaffChanged,
    ClinicChanged,
)
