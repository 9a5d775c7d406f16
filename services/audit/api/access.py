"""The callers and parts that endpoints of audit take."""

from typing import Annotated

from fastapi import Depends

from libs.common.mongo.transact import Transactor
from libs.common.security.caller import Caller
from libs.common.security.permissions import requires
from libs.common.web.dependencies import transactor
from services.audit import permissions as may
from services.audit.use_cases.ports import AuditTx

Transact = Annotated[Transactor[AuditTx], Depends(transactor)]

CanReadEvents = Annotated[Caller, requires(may.EVENT_READ)]
CanVerify = Annotated[Caller, requires(may.CHAIN_VERIFY)]
CanReadOwnAccess = Annotated[Caller, requires(may.OWN_ACCESS_READ)]
