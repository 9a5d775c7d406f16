"""The caller of a request or the cause of a message, as use cases see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal


class Reach(StrEnum):
    """How far a permission goes for a role."""

    OWN = "own"
    """Only what belongs to the caller: an account's subjects, a staff member's own things."""
    CLINIC = "clinic"
    """Everything in the caller's clinic."""
    EVERYWHERE = "everywhere"
    """All clinics: services among themselves, and platform administration."""


CallerKind = Literal["staff", "account", "service"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Verified identity plus the reach the checked permission gives it.

    `owns` maps the ids an account stands for to the clinic each belongs to; staff own what names their id.
    """

    id: str
    role: str
    kind: CallerKind
    clinic_id: str | None = None
    session_id: str | None = None
    auth_time: int | None = None
    reach: Reach = Reach.OWN
    owns: Mapping[str, str] = field(default_factory=dict)

    def within(self, clinic_id: str) -> "Caller":
        """The same caller, acting in this clinic; accounts have no clinic of their own."""
        return replace(self, clinic_id=clinic_id)

    def reaching_clinic(self) -> "Caller":
        """The same caller, for a look at what everybody in the clinic may see."""
        return replace(self, reach=Reach.CLINIC)

    def owned_ids(self) -> list[str]:
        """What `Reach.OWN` means for this caller: the values an owner field may have."""
        return sorted(self.owns) if self.kind == "account" else [self.id]

    def clinic_ids(self) -> list[str]:
        """The clinics this caller can see into at all."""
        if self.clinic_id is not None:
            return [self.clinic_id]
        return sorted(set(self.owns.values()))


def system_caller(service: str, clinic_id: str | None) -> Caller:
    """A service acting on its own account: handling an event, running a job."""
    reach = Reach.EVERYWHERE if clinic_id is None else Reach.CLINIC
    return Caller(id=f"svc:{service}", role="system", kind="service", clinic_id=clinic_id, reach=reach)
