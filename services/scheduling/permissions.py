"""Who may do what in scheduling, on one page. `OWN`: a patient's own and family's, a doctor's own calendar."""

from libs.common.security.permissions import CLINIC, EVERYWHERE, OWN, permission
from libs.contracts.roles import ADMIN, COMPLIANCE, DOCTOR, FRONT_DESK, NURSE, PATIENT, SYSTEM

_DESK = {FRONT_DESK: CLINIC, NURSE: CLINIC, DOCTOR: OWN, ADMIN: CLINIC}
_STAFF_READ = {FRONT_DESK: CLINIC, NURSE: CLINIC, DOCTOR: CLINIC, ADMIN: CLINIC, COMPLIANCE: CLINIC}

SLOT_READ = permission("scheduling:slot:read", {PATIENT: CLINIC, **_STAFF_READ})
TEMPLATE_READ = permission("scheduling:slot_template:read", _STAFF_READ)
TEMPLATE_WRITE = permission("scheduling:slot_template:write", {DOCTOR: OWN, ADMIN: CLINIC})
LEAVE_READ = permission("scheduling:leave:read", _STAFF_READ)
LEAVE_WRITE = permission("scheduling:leave:write", {DOCTOR: OWN, ADMIN: CLINIC})
POLICY_READ = permission("scheduling:booking_policy:read", _STAFF_READ)
POLICY_WRITE = permission("scheduling:booking_policy:write", {ADMIN: CLINIC})

APPOINTMENT_READ = permission("scheduling:appointment:read", {PATIENT: OWN, **_DESK, COMPLIANCE: CLINIC})
APPOINTMENT_BOOK = permission("scheduling:appointment:book", {PATIENT: OWN, **_DESK})
APPOINTMENT_OVERBOOK = permission("scheduling:appointment:overbook", {FRONT_DESK: CLINIC, DOCTOR: OWN, ADMIN: CLINIC})
APPOINTMENT_CONFIRM = permission("scheduling:appointment:confirm", {PATIENT: OWN, **_DESK})
APPOINTMENT_CANCEL = permission("scheduling:appointment:cancel", {PATIENT: OWN, **_DESK})
APPOINTMENT_RESCHEDULE = permission("scheduling:appointment:reschedule", {PATIENT: OWN, **_DESK})
APPOINTMENT_CHECK_IN = permission("scheduling:appointment:check_in", {PATIENT: OWN, **_DESK})
APPOINTMENT_NO_SHOW = permission("scheduling:appointment:no_show", _DESK)
CONSULTATION_MOVE = permission("scheduling:consultation:move", {NURSE: CLINIC, DOCTOR: OWN})
QUEUE_READ = permission("scheduling:queue:read", {PATIENT: CLINIC, **_STAFF_READ})

WAITLIST_READ = permission("scheduling:waitlist:read", {PATIENT: OWN, **_DESK, COMPLIANCE: CLINIC})
WAITLIST_JOIN = permission("scheduling:waitlist:join", {PATIENT: OWN, **_DESK})
WAITLIST_ANSWER = permission("scheduling:waitlist:answer", {PATIENT: OWN, **_DESK})

APPOINTMENT_DETAILS = permission("scheduling:appointment:details", {SYSTEM: EVERYWHERE})
HOLD_EXPIRE = permission("scheduling:hold:expire", {SYSTEM: EVERYWHERE})
OFFER_MAKE = permission("scheduling:waitlist:offer", {SYSTEM: EVERYWHERE})
