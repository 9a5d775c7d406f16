"""Settings of the auth service."""

from pydantic import Field, SecretStr

from libs.common.settings import ServiceSettings


class AuthSettings(ServiceSettings):
    service_name: str = "auth"
    account_pseudonym_key: SecretStr = Field(
        SecretStr(""), description="Turns a phone number into an account id; the registry has the same one."
    )
    bootstrap_token: SecretStr = Field(
        SecretStr(""), description="Lets its holder open a clinic with its first administrators; unset: nobody can."
    )
    auth_service_secrets: dict[str, SecretStr] = Field(
        {}, description="Service name -> its service_secret, as JSON: who may ask for service tokens."
    )
    otp_per_phone_per_hour: int = Field(20, description="Codes that were sent, whether used or not.")
    otp_per_address_per_hour: int = Field(300, description="Codes that were not used; a clinic shares an address.")
    otp_messages_per_day: int = Field(20_000, description="The platform's budget: an SMS costs money.")
    logins_per_address_per_hour: int = Field(300, description="Failed attempts from one address.")
    password_threads: int = Field(2, description="How many passwords are hashed at once, 19 MiB each.")
    signing_key_days: int = Field(30, description="How long a key signs before the next one takes over.")
    signing_key_published_minutes: int = Field(
        15, description="How long a key is published before it signs; verifiers look every 40 seconds."
    )
    withdrawn_signing_keys: frozenset[str] = Field(
        frozenset(), description="Ids of keys that leaked, as a JSON list: retired at once, with all they have signed."
    )
