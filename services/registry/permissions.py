"""Who may do what in the registry, on one page. `OWN`: the patients an account may act for."""

from libs.common.security.permissions import CLINIC, EVERYWHERE, OWN, permission
from libs.contracts.roles import ADMIN, BILLING, COMPLIANCE, DOCTOR, FRONT_DESK, NURSE, PATIENT, SYSTEM

_DESK = {FRONT_DESK: CLINIC, NURSE: CLINIC, ADMIN: CLINIC}
_STAFF_READ = {**_DESK, DOCTOR: CLINIC, BILLING: CLINIC, COMPLIANCE: CLINIC}

PATIENT_REGISTER = permission("registry:patient:register", {PATIENT: OWN, **_DESK})
PATIENT_READ = permission("registry:patient:read", {PATIENT: OWN, **_STAFF_READ})
PATIENT_SEARCH = permission("registry:patient:search", _STAFF_READ)
PATIENT_LIST_OWN = permission("registry:patient:list_own", {PATIENT: OWN})
PATIENT_UPDATE = permission("registry:patient:update", {PATIENT: OWN, **_DESK, DOCTOR: CLINIC})
PATIENT_DEACTIVATE = permission("registry:patient:deactivate", {ADMIN: CLINIC})
GUARDIAN_WRITE = permission("registry:guardian:write", _DESK)

CONSENT_READ = permission("registry:consent:read", {PATIENT: OWN, **_DESK, DOCTOR: CLINIC, COMPLIANCE: CLINIC})
CONSENT_GIVE = permission("registry:consent:give", {PATIENT: OWN, FRONT_DESK: CLINIC, NURSE: CLINIC, DOCTOR: CLINIC})
CONSENT_WITHDRAW = permission(
    "registry:consent:withdraw", {PATIENT: OWN, FRONT_DESK: CLINIC, NURSE: CLINIC, DOCTOR: CLINIC}
)

ACCESS_READ = permission("registry:access:read", {SYSTEM: EVERYWHERE})
CONTACT_READ = permission("registry:contact:read", {SYSTEM: EVERYWHERE})
