"""The composition root: the only place where scheduling's real parts are chosen."""

from typing import Any

from libs.common.resilience.http_client import OutboundClient
from libs.common.runtime import Runtime
from libs.common.subjects import SubjectDirectory, SubjectOwner
from libs.contracts.auth_api import StaffDirectoryOwner
from libs.contracts.registry_api import RegistrySubjects
from libs.contracts.roles import DOCTOR
from services.scheduling.adapters.tele import MeetingRooms
from services.scheduling.domain.errors import DoctorUnknown, PatientUnknown
from services.scheduling.persistence.documents import DOCTORS, DOCUMENTS, AppointmentDocument, WaitlistEntryDocument
from services.scheduling.persistence.repositories import MongoSchedulingTx
from services.scheduling.settings import SchedulingSettings


class SchedulingRuntime(Runtime[MongoSchedulingTx]):
    """The kernel's runtime, a directory of doctors, and the tele provider."""

    def __init__(self, settings: SchedulingSettings, **parts: Any) -> None:
        super().__init__(
            settings,
            make_tx=MongoSchedulingTx,
            documents=DOCUMENTS,
            once_in=[AppointmentDocument, WaitlistEntryDocument],
            subjects=parts.pop("subjects", _registry),
            missing_subject=PatientUnknown,
            **parts,
        )
        auth = OutboundClient("auth", str(settings.auth_url), token=self.service_tokens.for_audience("auth"))
        self.doctors = SubjectDirectory(
            self.db, StaffDirectoryOwner(auth, DOCTOR), missing=DoctorUnknown, collection=DOCTORS
        )
        self.tele = MeetingRooms(str(settings.tele_base_url), settings.tele_link_key.get_secret_value().encode())


def _registry(runtime: Runtime[Any]) -> SubjectOwner:
    settings = SchedulingSettings()
    token = runtime.service_tokens.for_audience("registry")
    return RegistrySubjects(OutboundClient("registry", str(settings.registry_url), token=token))


def scheduling(settings: SchedulingSettings | None = None) -> SchedulingRuntime:
    """Everything a process of this service runs on."""
    return SchedulingRuntime(settings or SchedulingSettings())
