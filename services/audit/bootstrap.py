"""The composition root: the only place where audit's real parts are chosen."""

from functools import partial
from typing import Any

from libs.common.errors import Misconfigured, NotFound
from libs.common.resilience.http_client import OutboundClient
from libs.common.runtime import Runtime
from libs.common.subjects import SubjectDirectory, SubjectOwner
from libs.contracts.registry_api import RegistrySubjects
from services.audit.persistence.documents import DOCUMENTS
from services.audit.persistence.repositories import MongoAuditTx
from services.audit.settings import AuditSettings


class AuditRuntime(Runtime[MongoAuditTx]):
    """The kernel's runtime with the key that seals the chains."""

    def __init__(self, settings: AuditSettings, **parts: Any) -> None:
        key = settings.audit_chain_key.get_secret_value().encode()

        def registry(runtime: Runtime[Any]) -> SubjectOwner:
            token = runtime.service_tokens.for_audience("registry")
            return RegistrySubjects(OutboundClient("registry", str(settings.registry_url), token=token))

        owner = parts.pop("subjects", registry)
        super().__init__(settings, make_tx=partial(MongoAuditTx, chain_key=key), documents=DOCUMENTS, **parts)
        # who saw a record is told when the record is out of use, too
        self.subjects = SubjectDirectory(self.db, owner(self), missing=NotFound, all_of_account=True)
        self._sealing = bool(key)

    async def start(self) -> None:
        if not self._sealing:
            raise Misconfigured("AUDIT_CHAIN_KEY is not set: without a key anybody could seal a forged record")
        await super().start()


def audit(settings: AuditSettings | None = None) -> AuditRuntime:
    """Everything a process of this service runs on."""
    return AuditRuntime(settings or AuditSettings())
