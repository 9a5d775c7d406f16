"""Who may do what in auth, on one page. `OWN`: one's own sessions and second factor. Step-up: within five minutes."""

from libs.common.security.permissions import CLINIC, EVERYWHERE, OWN, permission
from libs.contracts.roles import ADMIN, COMPLIANCE, PATIENT, STAFF_ROLES, SYSTEM

_EVERY_STAFF_MEMBER = dict.fromkeys(STAFF_ROLES, OWN)
_EVERYBODY = dict.fromkeys((PATIENT, *STAFF_ROLES), OWN)
_IN_THEIR_CLINIC = dict.fromkeys(STAFF_ROLES, CLINIC)
_OVERSIGHT = {ADMIN: CLINIC, COMPLIANCE: CLINIC}

SELF_READ = permission("auth:self:read", _EVERYBODY)
SESSION_OPEN = permission("auth:session:open", _EVERYBODY)
SESSION_READ = permission("auth:session:read", _EVERYBODY)
SESSION_END = permission("auth:session:end", _EVERYBODY)
SESSION_STEP_UP = permission("auth:session:step_up", _EVERY_STAFF_MEMBER)
MFA_ENROLL = permission("auth:mfa:enroll", _EVERY_STAFF_MEMBER, step_up=True)
PASSWORD_SET = permission("auth:password:set", _EVERY_STAFF_MEMBER)

DEVICE_REQUEST = permission("auth:device:request", _EVERY_STAFF_MEMBER)
DEVICE_READ = permission("auth:device:read", _OVERSIGHT)
DEVICE_DECIDE = permission("auth:device:decide", {ADMIN: CLINIC})

STAFF_READ = permission("auth:staff:read", _OVERSIGHT)
STAFF_INVITE = permission("auth:staff:invite", {ADMIN: CLINIC}, step_up=True)
STAFF_CHANGE = permission("auth:staff:change", {ADMIN: CLINIC}, step_up=True)
STAFF_RESET = permission("auth:staff:reset", {ADMIN: CLINIC}, step_up=True)

CLINIC_READ = permission("auth:clinic:read", _IN_THEIR_CLINIC)
CLINIC_CHANGE = permission("auth:clinic:change", {ADMIN: CLINIC})
CLINIC_LIST = permission("auth:clinic:list", {PATIENT: EVERYWHERE, **_IN_THEIR_CLINIC})
DOCTOR_LIST = permission("auth:doctor:list", {PATIENT: CLINIC, **_IN_THEIR_CLINIC})

CLINIC_OPEN = permission("auth:clinic:open", {SYSTEM: EVERYWHERE})
SIGNING_KEY_ROTATE = permission("auth:signing_key:rotate", {SYSTEM: EVERYWHERE})
STAFF_DETAILS = permission("auth:staff:details", {SYSTEM: EVERYWHERE})
CLINIC_DETAILS = permission("auth:clinic:details", {SYSTEM: EVERYWHERE})
OTP_DELIVERY = permission("auth:otp:delivery", {SYSTEM: EVERYWHERE})
