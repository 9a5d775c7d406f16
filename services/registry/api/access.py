"""The callers and parts that endpoints of the registry take."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Request

from libs.common.mongo.transact import Transactor
from libs.common.security.caller import Caller
from libs.common.security.permissions import requires
from libs.common.subjects import SubjectDirectory
from libs.common.web.dependencies import part, transactor
from services.registry import permissions as may
from services.registry.api.looks import RecentLooks
from services.registry.domain.birth import local_date
from services.registry.use_cases.ports import RegistryTx


async def _today(request: Request) -> date:
    return local_date(request.app.state.runtime.clock.now())


Transact = Annotated[Transactor[RegistryTx], Depends(transactor)]
Clinics = Annotated[SubjectDirectory, Depends(part("clinics"))]
Looks = Annotated[RecentLooks, Depends(part("looks"))]
Today = Annotated[date, Depends(_today)]

CanRegister = Annotated[Caller, requires(may.PATIENT_REGISTER)]
CanRead = Annotated[Caller, requires(may.PATIENT_READ)]
CanSearch = Annotated[Caller, requires(may.PATIENT_SEARCH)]
CanListOwn = Annotated[Caller, requires(may.PATIENT_LIST_OWN)]
CanUpdate = Annotated[Caller, requires(may.PATIENT_UPDATE)]
CanDeactivate = Annotated[Caller, requires(may.PATIENT_DEACTIVATE)]
CanWriteGuardians = Annotated[Caller, requires(may.GUARDIAN_WRITE)]
CanReadConsents = Annotated[Caller, requires(may.CONSENT_READ)]
CanGiveConsent = Annotated[Caller, requires(may.CONSENT_GIVE)]
CanWithdrawConsent = Annotated[Caller, requires(may.CONSENT_WITHDRAW)]
CanReadAccess = Annotated[Caller, requires(may.ACCESS_READ)]
CanReadContact = Annotated[Caller, requires(may.CONTACT_READ)]
