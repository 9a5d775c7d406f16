"""What use cases need from storage; `persistence` keeps these promises."""

from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import BaseModel

from libs.common.mongo.tx import Tx
from libs.common.subjects import Subject
from libs.common.web.pagination import Cursor, Page
from libs.contracts.consents import Purpose
from services.registry.domain.consent import Consent
from services.registry.domain.patient import Patient


class PatientSearch(BaseModel):
    """Everything given must match; phone in E.164, name as typed. Nothing given: who was registered last."""

    phone: str | None = None
    name: str | None = None
    mrn: str | None = None
    abha_number: str | None = None
    email: str | None = None


class Patients(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> Patient: ...
    async def relatives(self, patient_ids: Sequence[str], clinic_id: str) -> list[Patient]:
        """Those of them in that clinic, whoever asks: who may act for somebody depends on all of them."""
        ...

    async def among(self, patient_ids: Sequence[str]) -> list[Patient]:
        """Those of them within sight."""
        ...

    async def of_accounts(self, accounts: Sequence[str]) -> list[Patient]:
        """Whoever one of these accounts may act for, within sight."""
        ...

    async def sharing(self, values: Sequence[tuple[str, str]]) -> list[Patient]:
        """Some patients of the clinic that share one of these identifying values, within sight."""
        ...

    async def search(self, wanted: PatientSearch, cursor: Cursor) -> Page[Patient]:
        """By name the best matches come first, else who was registered last."""
        ...

    async def keep(self, patient: Patient) -> None:
        """Stage it, new or changed, with its identifiers and contact encrypted."""
        ...


class AccessDirectory(Protocol):
    """Who may act for whom, read without opening anything encrypted."""

    async def of_patient(self, patient_id: str) -> Subject | None: ...
    async def of_account(self, account_id: str) -> list[Subject]: ...


class MrnSequence(Protocol):
    async def next(self, clinic_id: str) -> str:
        """The clinic's next medical record number. As with any database sequence, a registration that fails
        after this leaves a gap."""
        ...


class Consents(Protocol):
    async def get(self, aggregate_id: str, *, expected_revision: int | None = None) -> Consent: ...
    async def in_force(self, patient_id: str, purpose: Purpose) -> Consent | None: ...
    async def history(self, patient_id: str) -> list[Consent]:
        """All of a patient's consents, the newest first."""
        ...

    def add(self, aggregate: Consent) -> None: ...
    def save(self, aggregate: Consent) -> None: ...


class RegistryTx(Tx):
    """The unit of work of every use case here."""

    patients: Patients
    access: AccessDirectory
    mrns: MrnSequence
    consents: Consents
    account_of: Callable[[str], str]
    """The account a phone number (E.164) logs in to."""
