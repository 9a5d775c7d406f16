"""Own calendars: whoever reaches only their own as a doctor works in their own calendar and no other."""

from libs.common.errors import NotFound
from libs.common.security.caller import Caller, Reach
from libs.contracts.roles import DOCTOR


def ensure_own_calendar(actor: Caller, doctor_id: str | None, missing: type[NotFound]) -> None:
    """Raise `missing` when the actor is a doctor with reach OWN and this is another doctor's calendar."""
    if actor.role == DOCTOR and actor.reach is Reach.OWN and doctor_id != actor.id:
        raise missing
