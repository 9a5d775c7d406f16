"""The secrets of a platform on this machine: made once, kept in the run folder for its owner only."""

import base64
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, Field

from libs.common.crypto.keyring import generate_keyring


def _key() -> str:
    """32 random bytes, base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Keys(BaseModel):
    """Every secret. The data in the run folder cannot be read without them: they live and go together."""

    service_secrets: dict[str, str] = {}
    bootstrap_token: str = Field(default_factory=secrets.token_urlsafe)
    field_keyring: str = Field(default_factory=generate_keyring)
    account_pseudonym_key: str = Field(default_factory=_key)
    audit_chain_key: str = Field(default_factory=_key)
    tele_link_key: str = Field(default_factory=_key)
    s3_access_key: str = Field(default_factory=lambda: secrets.token_hex(12))
    s3_secret_key: str = Field(default_factory=lambda: secrets.token_hex(20))
    whatsapp_app_secret: str = Field(default_factory=secrets.token_urlsafe)
    whatsapp_verify_token: str = Field(default_factory=secrets.token_urlsafe)
    whatsapp_token: str = Field(default_factory=secrets.token_urlsafe)
    whatsapp_phone_number_id: str = Field(default_factory=lambda: str(10**14 + secrets.randbelow(9 * 10**14)))
    sms_api_key: str = Field(default_factory=secrets.token_urlsafe)
    sms_webhook_secret: str = Field(default_factory=secrets.token_urlsafe)

    @classmethod
    def load(cls, folder: Path) -> "Keys":
        """The keys in this folder; FileNotFoundError before the first `make up`."""
        return cls.model_validate_json((folder / "keys.json").read_text())

    @classmethod
    def load_or_make(cls, folder: Path, callers: Iterable[str]) -> "Keys":
        """The keys in this folder, with a secret for each of `callers`; what is missing is made."""
        try:
            known = cls.load(folder)
        except FileNotFoundError:
            known = cls()
        new = {name: secrets.token_urlsafe() for name in callers if name not in known.service_secrets}
        keys = known.model_copy(update={"service_secrets": {**known.service_secrets, **new}})
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(folder / "keys.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w") as target:
            target.write(keys.model_dump_json(indent=1))
        return keys
