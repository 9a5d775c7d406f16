"""Who works in a clinic, as tokens and permission tables name them."""

from enum import StrEnum


class Role(StrEnum):
    """A caller has exactly one role at a time; `SYSTEM` is a service, never a person."""

    PATIENT = "patient"
    FRONT_DESK = "front_desk"
    NURSE = "nurse"
    DOCTOR = "doctor"
    BILLING = "billing"
    ADMIN = "admin"
    COMPLIANCE = "compliance"
    SYSTEM = "system"


STAFF_ROLES = tuple(role for role in Role if role not in (Role.PATIENT, Role.SYSTEM))

PATIENT = Role.PATIENT
FRONT_DESK = Role.FRONT_DESK
NURSE = Role.NURSE
DOCTOR = Role.DOCTOR
BILLING = Role.BILLING
ADMIN = Role.ADMIN
COMPLIANCE = Role.COMPLIANCE
SYSTEM = Role.SYSTEM
