"""What every process reads from its environment; services add their own on top."""

from pathlib import Path

from pydantic import AmqpDsn, Field, HttpUrl, RedisDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Connection strings and limits shared by all services, from environment variables of the same name."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    service_name: str
    environment: str = Field("production", description="development | test | production")
    mongodb_url: SecretStr = SecretStr("mongodb://mongo:27017/?directConnection=true")
    mongodb_skip_indexes: bool = Field(
        False, description="For pods that start by the dozen: one of them, or a job, builds the indexes."
    )
    redis_url: RedisDsn = RedisDsn("redis://redis:6379/0")
    amqp_url: AmqpDsn = AmqpDsn("amqp://guest:guest@rabbitmq:5672/")
    auth_url: HttpUrl = Field(HttpUrl("http://auth:8000"), description="Where keys and revocations are published.")
    token_issuer: str = "https://auth.clinic.local"  # noqa: S105 - a name
    service_secret: SecretStr = Field(
        SecretStr(""), description="Proves to auth which service this is, when it asks for a service token."
    )
    field_keyring: SecretStr = Field(
        SecretStr(""), description="JSON keyring of key-encryption keys, see libs.common.crypto."
    )
    max_body_bytes: int = 65_536
    shutdown_grace_seconds: float = 15.0
    log_level: str = "INFO"
    trace_sample_ratio: float = Field(0.1, ge=0, le=1)
    otlp_endpoint: str | None = Field(None, description="OTLP/HTTP traces endpoint; unset: no OTLP export.")
    spans_dir: Path | None = Field(None, description="Where finished spans are appended for `make trace`.")

    @property
    def database_name(self) -> str:
        """Each service owns one database, named after it."""
        return f"clinic_{self.service_name}"
