"""Settings of the registry."""

from pydantic import Field, SecretStr

from libs.common.settings import ServiceSettings


class RegistrySettings(ServiceSettings):
    service_name: str = "registry"
    account_pseudonym_key: SecretStr = Field(
        SecretStr(""), description="Makes account ids of phone numbers; auth has the same one."
    )
