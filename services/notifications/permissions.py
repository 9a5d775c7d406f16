"""Who may do what in notifications, on one page. `OWN`: a patient's own and family's."""

from libs.common.security.permissions import CLINIC, EVERYWHERE, OWN, permission
from libs.contracts.roles import ADMIN, DOCTOR, FRONT_DESK, NURSE, PATIENT, SYSTEM

_STAFF = {FRONT_DESK: CLINIC, NURSE: CLINIC, DOCTOR: CLINIC, ADMIN: CLINIC}

NOTIFICATION_READ = permission("notifications:notification:read", {PATIENT: OWN, **_STAFF})
NOTIFICATION_RETRY = permission("notifications:notification:retry", {FRONT_DESK: CLINIC, ADMIN: CLINIC})
PREFERENCE_READ = permission("notifications:preference:read", {PATIENT: OWN, **_STAFF})
PREFERENCE_WRITE = permission("notifications:preference:write", {PATIENT: OWN, FRONT_DESK: CLINIC, ADMIN: CLINIC})
QUIET_HOURS_READ = permission("notifications:quiet_hours:read", {FRONT_DESK: CLINIC, ADMIN: CLINIC})
QUIET_HOURS_WRITE = permission("notifications:quiet_hours:write", {ADMIN: CLINIC})

NOTIFICATION_QUEUE = permission("notifications:notification:queue", {SYSTEM: EVERYWHERE})
