"""Settings of the audit service."""

from pydantic import HttpUrl, SecretStr

from libs.common.settings import ServiceSettings


class AuditSettings(ServiceSettings):
    service_name: str = "audit"
    registry_url: HttpUrl = HttpUrl("http://registry:8000")
    audit_chain_key: SecretStr = SecretStr("")
