"""What auth refuses, and what to do about it. What could help a guesser looks the same as everything else."""

from libs.common.errors import (
    Conflict,
    Forbidden,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)


class CredentialsWrong(Unauthenticated):
    code = "credentials_wrong"
    title = "Email or password is wrong"


class DeviceApprovalRequired(Forbidden):
    """The answer carries the device and a token that shows its status, and nothing else."""

    code = "device_approval_required"
    title = "An administrator must approve this device before anybody can log in from it"


class DeviceRefused(Forbidden):
    code = "device_rejected"
    title = "An administrator has refused this device"


class TooManyDevices(Conflict):
    code = "too_many_devices"
    title = "Too many of your devices wait for approval: ask an administrator to decide about them"


class OwnDevice(Forbidden):
    code = "own_device"
    title = "Somebody else must decide about your own device"


class DeviceDecided(Conflict):
    code = "device_already_decided"
    title = "This device does not wait for a decision"


class DeviceUnknown(NotFound):
    code = "device_unknown"
    title = "There is no such device"


class PhoneInvalid(Unprocessable):
    code = "phone_invalid"
    title = "This is not a phone number: give one such as +919812345678 or 98123 45678"


class PhoneNotSupported(Unprocessable):
    code = "phone_not_supported"
    title = "Codes can be sent to Indian mobile numbers only (+91, ten digits that begin with 6 to 9)"


class ResendTooEarly(TooManyRequests):
    code = "resend_too_early"
    title = "A code was sent a moment ago: wait for it, or for Retry-After seconds"


class OtpWrong(Unauthenticated):
    """`attempts_left` says how often one may still try."""

    code = "otp_wrong"
    title = "The code is wrong"


class OtpExhausted(Unauthenticated):
    code = "otp_exhausted"
    title = "Too many wrong codes: ask for a new one"


class OtpExpired(Unauthenticated):
    """Expired, used already, or never issued: the three look the same."""

    code = "otp_expired"
    title = "The code is not valid any more: ask for a new one"


class ChallengeUnknown(NotFound):
    code = "challenge_unknown"
    title = "There is no such code waiting"


class MfaTokenInvalid(Unauthenticated):
    """Expired, used, tried too often, or never issued."""

    code = "mfa_token_invalid"
    title = "This login is over: begin again with email and password"


class MfaCodeWrong(Unauthenticated):
    code = "mfa_code_wrong"
    title = "The code is wrong, or was used before: wait for the next one"


class MfaCodeRequired(Unprocessable):
    code = "mfa_code_required"
    title = "You have a second factor: send its code, not the password"


class MfaNotOffered(Conflict):
    code = "mfa_not_offered"
    title = "Ask for a new secret first: POST /auth/mfa/enroll"


class RefreshTokenInvalid(Unauthenticated):
    code = "refresh_token_invalid"
    title = "The session is over: log in again"


class RefreshTokenReused(Unauthenticated):
    code = "refresh_token_reused"
    title = "This refresh token was used before, so its session is ended: log in again"


class SetupTokenInvalid(Unauthenticated):
    code = "setup_token_invalid"
    title = "This token is not valid any more: ask an administrator for a new one"


class PasswordUnacceptable(Unprocessable):
    code = "password_unacceptable"
    title = "Choose another password"


class SessionUnknown(NotFound):
    code = "session_unknown"
    title = "There is no such session"


class StaffUnknown(NotFound):
    code = "staff_unknown"
    title = "There is no such staff member"


class EmailTaken(Conflict):
    code = "email_taken"
    title = "Somebody has an account with this email address"


class LastAdmin(Conflict):
    code = "last_admin"
    title = "The clinic needs an administrator: make somebody else one first"


class OwnAccount(Forbidden):
    code = "own_account"
    title = "Somebody else must change your own role or status"


class OwnReset(Forbidden):
    """It would end one's own session and leave a token as the only way back."""

    code = "own_reset"
    title = "Somebody else must reset your password: another administrator, or the platform's operator"


class FirstDeviceMissing(Unprocessable):
    code = "first_device_missing"
    title = "Give the device of at least one administrator: nobody else could approve their first one"


class ClinicUnknown(NotFound):
    code = "clinic_unknown"
    title = "There is no such clinic"


class BootstrapRefused(Forbidden):
    code = "bootstrap_refused"
    title = "Opening a clinic needs the platform's bootstrap token in X-Bootstrap-Token"


class ServiceSecretWrong(Unauthenticated):
    code = "service_secret_wrong"
    title = "This is not a service we know, or not its secret"


class TooManyAttempts(TooManyRequests):
    code = "too_many_attempts"
    title = "Too many attempts: come back after Retry-After seconds"


class LimitsUnavailable(Unavailable):
    """Attempts cannot be counted, so none is allowed."""

    code = "limits_unavailable"
    title = "Logging in is not possible for the moment"


class TooManyLogins(Unavailable):
    """More logins at once than there is time to hash passwords for."""

    code = "too_many_logins"
    title = "Too many people log in at this moment"
