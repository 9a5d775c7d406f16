"""What the sandbox reads from its environment; every default suits a developer's machine."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sandbox.sms.dlt import DltTemplate


class SandboxSettings(BaseSettings):
    """Addresses, shared secrets, limits and tempo; each is an environment variable of the same name."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = 8090
    smtp_port: int = Field(0, description="0: any free port, told by /readyz.")
    webhook_base_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8080"),
        description="The gateway; statuses go to /webhooks/whatsapp and /sms there.",
    )
    webhook_retry_seconds: tuple[float, ...] = Field(
        (0.5, 1, 2, 4, 8, 16, 32),
        description="A JSON list: waits between attempts at one webhook.",
    )

    whatsapp_app_secret: SecretStr = SecretStr("sandbox-whatsapp-app-secret")
    whatsapp_verify_token: SecretStr = SecretStr("sandbox-whatsapp-verify-token")
    whatsapp_token: SecretStr = SecretStr("sandbox-whatsapp-token")
    whatsapp_phone_number_id: str = "106540352242922"
    whatsapp_messages_per_second: float = Field(80, gt=0, description="Beyond it: error 130429.")
    whatsapp_pair_burst: int = Field(45, ge=1, description="To one person at once; beyond it: error 131056.")

    sms_api_key: SecretStr = SecretStr("sandbox-sms-api-key")
    sms_webhook_secret: SecretStr = SecretStr("sandbox-sms-webhook-secret")
    sms_templates: Annotated[dict[str, DltTemplate], NoDecode] = Field(
        {},
        description='JSON or a path to it: {"<template id>": {"body": ..., "category": ...}}.',
    )

    delivered_after_seconds: float = Field(0.4, ge=0, description="From accepted to delivered.")
    read_after_seconds: float = Field(2.5, ge=0, description="From delivered to read (WhatsApp only).")
    messages_kept: int = Field(2_000, ge=1, description="Older messages are forgotten.")

    @field_validator("sms_templates", mode="before")
    @classmethod
    def _from_json_or_file(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value if value.lstrip().startswith("{") else Path(value).read_text(encoding="utf-8")
        return json.loads(text)
