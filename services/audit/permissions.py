"""Who may look at the record. Nobody may write to it, but the outbox of every service."""

from libs.common.security.permissions import CLINIC, OWN, permission
from libs.contracts.roles import ADMIN, COMPLIANCE, PATIENT

EVENT_READ = permission("audit:event:read", {ADMIN: CLINIC, COMPLIANCE: CLINIC})
CHAIN_VERIFY = permission("audit:chain:verify", {ADMIN: CLINIC, COMPLIANCE: CLINIC})
OWN_ACCESS_READ = permission("audit:own_access:read", {PATIENT: OWN})
