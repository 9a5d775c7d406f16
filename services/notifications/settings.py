"""Settings of the notifications service."""

from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr

from libs.common.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    service_name: str = "notifications"
    max_body_bytes: int = 3 * 1_048_576  # reports of vendors come in bulk
    registry_url: HttpUrl = HttpUrl("http://registry:8000")
    account_pseudonym_key: SecretStr = Field(SecretStr(""), description="Turns a number into its account id.")

    whatsapp_api_url: HttpUrl = HttpUrl("https://graph.facebook.com")
    whatsapp_api_version: str = "v21.0"
    whatsapp_token: SecretStr = SecretStr("")
    whatsapp_phone_number_id: str = ""
    whatsapp_app_secret: SecretStr = SecretStr("")
    whatsapp_app_secret_previous: SecretStr = Field(SecretStr(""), description="Still good while Meta rotates.")
    whatsapp_verify_token: SecretStr = SecretStr("")

    sms_api_url: HttpUrl = HttpUrl("https://sms.example.in")
    sms_api_key: SecretStr = SecretStr("")
    sms_sender: str = Field("CLINIC", description="The DLT header: six letters.")
    sms_principal_entity_id: str = "1101600000000000001"
    sms_webhook_secret: SecretStr = SecretStr("")
    sms_webhook_secret_previous: SecretStr = Field(SecretStr(""), description="Still good while the gateway rotates.")

    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_username: str | None = Field(None, description="Unset: no login. STARTTLS is used wherever it is offered.")
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = "no-reply@clinic.local"

    service_label: str = Field(
        "Clinic login", max_length=30, description="What a login code is for, as people read it."
    )
    templates_dir: Path = Path(__file__).parent / "templates"
    register_templates: bool = Field(
        False, description="Register our texts with the sandbox, as is done by hand at vendors."
    )
    vendor_timeout_seconds: float = Field(5.0, gt=0, le=15)
    sends_at_once: int = Field(
        8, ge=1, description="Per lane, so per vendor twice that: urgent messages have their own."
    )
    retry_after_seconds: float = Field(
        1.0, gt=0, description="Before the second try, with jitter; four times that before the third."
    )

    messages_kept_days: int = Field(180, ge=7, description="From their creation; then messages are deleted.")

    @property
    def registers_templates(self) -> bool:
        return self.register_templates or self.environment == "development"
