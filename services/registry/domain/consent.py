"""A consent and its life: given on a notice, in force until withdrawn or replaced, and never forgotten."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import orjson
from pydantic import BaseModel

from libs.common.aggregate import Aggregate
from libs.contracts.consents import Purpose
from services.registry.domain.errors import ConsentSuperseded


class ConsentStatus(StrEnum):
    IN_FORCE = "IN_FORCE"
    WITHDRAWN = "WITHDRAWN"
    SUPERSEDED = "SUPERSEDED"


class Giver(StrEnum):
    """Who said yes: the patient, or a guardian for them. By an account's phone it is known; staff state it."""

    PATIENT = "patient"
    GUARDIAN = "guardian"


class Receipt(BaseModel):
    """What the giver keeps. `sha256` is of the consent as JSON: the members in `content_of`, keys sorted, no
    spaces; so anybody who holds the consent can check it."""

    consent_id: str
    sha256: str
    given_at: datetime
    withdrawn_at: datetime | None


class Consent(Aggregate):
    """`notice_version` and `language` name the text that was shown. `in_force` is unique per patient and purpose."""

    patient_id: str
    purpose: Purpose
    scope: list[str] = []
    notice_version: str
    language: str
    given_by: Giver
    given_at: datetime
    recorded_by: str
    recorded_role: str
    status: ConsentStatus = ConsentStatus.IN_FORCE
    in_force: bool = True
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdraw_reason: str | None = None
    superseded_by: str | None = None

    @property
    def subject_id(self) -> str:
        return self.patient_id

    def says_the_same_as(self, other: "Consent") -> bool:
        """Whether giving `other` would change nothing: the same scope on the same notice in the same
        language, by the same giver."""
        said, again = ((c.notice_version, c.language, c.given_by) for c in (self, other))
        return set(self.scope) == set(other.scope) and said == again

    def supersede(self, by: "Consent") -> None:
        """A consent with another scope, notice, language or giver takes this one's place."""
        self.status, self.in_force, self.superseded_by = ConsentStatus.SUPERSEDED, False, by.id

    def withdraw(self, *, by: str, now: datetime, reason: str | None) -> bool:
        """No longer agreed. Returns whether it was in force until now; withdrawing twice is no error."""
        if self.status is ConsentStatus.SUPERSEDED:
            raise ConsentSuperseded(extra={"superseded_by": self.superseded_by})
        if self.status is ConsentStatus.WITHDRAWN:
            return False
        self.status, self.in_force = ConsentStatus.WITHDRAWN, False
        self.withdrawn_at, self.withdrawn_by, self.withdraw_reason = now, by, reason
        return True

    @property
    def receipt(self) -> Receipt:
        content = orjson.dumps(content_of(self), option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
        return Receipt(
            consent_id=self.id,
            sha256=hashlib.sha256(content).hexdigest(),
            given_at=self.given_at,
            withdrawn_at=self.withdrawn_at,
        )


def withdrawn_purposes(history: Iterable[Consent]) -> list[Purpose]:
    """What somebody agreed to once and does not any more. `history`: all consents of a patient, in any order."""
    known = list(history)
    agreed = {consent.purpose for consent in known if consent.in_force}
    return sorted({consent.purpose for consent in known if consent.status is ConsentStatus.WITHDRAWN} - agreed)


def content_of(consent: Consent) -> dict[str, object]:
    """What a receipt vouches for."""
    return {
        "id": consent.id,
        "clinic_id": consent.clinic_id,
        "patient_id": consent.patient_id,
        "purpose": consent.purpose.value,
        "scope": consent.scope,
        "notice_version": consent.notice_version,
        "language": consent.language,
        "given_by": consent.given_by.value,
        "given_at": consent.given_at,
        "withdrawn_at": consent.withdrawn_at,
    }
