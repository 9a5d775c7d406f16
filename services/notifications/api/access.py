"""The callers and parts that endpoints of notifications take."""

from typing import Annotated

from fastapi import Depends
from pydantic import SecretStr

from libs.common.messaging.outbox import OutboxWaker
from libs.common.mongo.transact import Transactor
from libs.common.security.caller import Caller
from libs.common.security.permissions import requires
from libs.common.subjects import SubjectDirectory
from libs.common.web.dependencies import part, subject_directory, transactor
from services.notifications import permissions as may
from services.notifications.adapters.signatures import SignedBy
from services.notifications.use_cases.ports import NotificationsTx

Transact = Annotated[Transactor[NotificationsTx], Depends(transactor)]
Patients = Annotated[SubjectDirectory, Depends(subject_directory)]
Sends = Annotated[OutboxWaker, Depends(part("sends"))]
SignedByWhatsApp = Annotated[SignedBy, Depends(part("signed_by_whatsapp"))]
SignedBySms = Annotated[SignedBy, Depends(part("signed_by_sms"))]
VerifyToken = Annotated[SecretStr, Depends(part("whatsapp_verify_token"))]
AccountKey = Annotated[SecretStr, Depends(part("account_key"))]

CanReadNotifications = Annotated[Caller, requires(may.NOTIFICATION_READ)]
CanRetry = Annotated[Caller, requires(may.NOTIFICATION_RETRY)]
CanReadPreferences = Annotated[Caller, requires(may.PREFERENCE_READ)]
CanWritePreferences = Annotated[Caller, requires(may.PREFERENCE_WRITE)]
CanReadQuietHours = Annotated[Caller, requires(may.QUIET_HOURS_READ)]
CanWriteQuietHours = Annotated[Caller, requires(may.QUIET_HOURS_WRITE)]
