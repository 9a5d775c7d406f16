"""The Python processes of a platform, and where each of them gets what from its environment."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.common.testing.parts import LocalProcess, NotReady, free_port
from tools.platform.keys import Keys
from tools.platform.layout import Layout
from tools.platform.settings import PlatformSettings
from tools.platform.state import RunDir

HOST = "127.0.0.1"
UVICORN = (
    *("--host", HOST, "--loop", "uvloop", "--http", "httptools", "--lifespan", "on", "--no-access-log"),
    *("--log-level", "warning", "--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "10"),
)


class PlatformProcess(LocalProcess):
    """An api, worker, gateway or sandbox: configured by its environment, ready when `/readyz` says so."""

    def __init__(
        self,
        kind: str,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        *,
        root: Path,
        log: Path,
    ) -> None:
        variable = "WORKER_PORT" if kind == "worker" else "PORT"
        super().__init__(name, root, port=int(environment[variable]), log=log)
        self.kind = kind
        self._arguments = arguments
        self._environment = environment

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", *self._arguments]

    def environment(self) -> Mapping[str, str]:
        return self._environment

    async def probe(self) -> None:
        await self._ask("/readyz")

    async def loaded(self) -> None:
        """NotReady until it serves at all: its imports are over, though it may still wait for others."""
        await self._ask("/healthz")

    async def _ask(self, path: str) -> None:
        try:
            async with httpx.AsyncClient(timeout=1.5, trust_env=False) as client:
                answer = await client.get(self.url + path)
        except httpx.HTTPError as error:
            raise NotReady(f"{path}: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise NotReady(f"{path} answers {answer.status_code}: {answer.text[:300]}")


@dataclass(frozen=True)
class Stores:
    """Where the parts are, started by us or by the user."""

    mongodb_url: str
    redis_url: str
    amqp_url: str
    s3_endpoint_url: str


def platform_processes(
    settings: PlatformSettings, layout: Layout, stores: Stores, keys: Keys, run: RunDir
) -> list[PlatformProcess]:
    """Every Python process, in the order in which it is best started."""
    ports = {name: free_port() for name in layout.services}
    common = _common(settings, ports, stores, keys, run)
    processes: list[PlatformProcess] = []

    def add(kind: str, name: str, arguments: list[str], **environment: str) -> None:
        everything = {**common, "HOST": HOST, **environment}
        log = run.logs / f"{name}.log"
        processes.append(PlatformProcess(kind, name, arguments, everything, root=settings.root, log=log))

    for service in layout.services:
        uvicorn = ["uvicorn", f"services.{service}.main:app", "--port", str(ports[service]), *UVICORN]
        add("api", service, uvicorn, PORT=str(ports[service]), **_of_service(service, keys))
    if layout.sandbox:
        add("sandbox", "sandbox", ["sandbox.main"], PORT=str(settings.sandbox_port), **_of_vendors(keys))
    if layout.gateway:
        secret = keys.service_secrets["gateway"]
        port = str(settings.gateway_port)
        add("gateway", "gateway", ["gateway.main"], PORT=port, SERVICE_NAME="gateway", SERVICE_SECRET=secret)
    for service in sorted(layout.workers):
        own = {"PORT": str(ports[service]), "WORKER_PORT": str(free_port()), **_of_service(service, keys)}
        add("worker", f"{service}-worker", [f"services.{service}.worker"], **own)
    return processes


def _common(
    settings: PlatformSettings, ports: Mapping[str, int], stores: Stores, keys: Keys, run: RunDir
) -> dict[str, str]:
    gateway = f"http://{HOST}:{settings.gateway_port}"
    sandbox = f"http://{HOST}:{settings.sandbox_port}"
    return {
        "ENVIRONMENT": "development",
        "PYTHONUNBUFFERED": "1",
        "MONGODB_URL": stores.mongodb_url,
        "REDIS_URL": stores.redis_url,
        "AMQP_URL": stores.amqp_url,
        "S3_ENDPOINT_URL": stores.s3_endpoint_url,
        **({} if "S3_ENDPOINT_URL" in settings.external else _of_our_s3(keys)),
        **{f"{name.upper()}_URL": f"http://{HOST}:{port}" for name, port in ports.items()},
        "GATEWAY_URL": gateway,
        "SANDBOX_URL": sandbox,
        "WEBHOOK_BASE_URL": gateway,
        "WHATSAPP_API_URL": sandbox,
        "SMS_API_URL": sandbox,
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(free_port()),
        "TOKEN_ISSUER": "https://auth.clinic.local",
        "SPANS_DIR": str(run.spans),
        "TRACE_SAMPLE_RATIO": os.environ.get("TRACE_SAMPLE_RATIO", "1"),
    }


def _of_our_s3(keys: Keys) -> dict[str, str]:
    return {"S3_ACCESS_KEY": keys.s3_access_key, "S3_SECRET_KEY": keys.s3_secret_key, "S3_BUCKET": "clinic"}


def _of_service(name: str, keys: Keys) -> dict[str, str]:
    """A service's own identity and keys, and what only this one may know."""
    own = {
        "SERVICE_NAME": name,
        "SERVICE_SECRET": keys.service_secrets[name],
        "FIELD_KEYRING": keys.field_keyring,
        "ACCOUNT_PSEUDONYM_KEY": keys.account_pseudonym_key,
    }
    match name:
        case "auth":
            secrets = json.dumps(keys.service_secrets)
            return {**own, "AUTH_SERVICE_SECRETS": secrets, "BOOTSTRAP_TOKEN": keys.bootstrap_token}
        case "audit":
            return {**own, "AUDIT_CHAIN_KEY": keys.audit_chain_key}
        case "scheduling":
            return {**own, "TELE_LINK_KEY": keys.tele_link_key}
        case "notifications":
            return own | _of_vendors(keys)
        case _:
            return own


def _of_vendors(keys: Keys) -> dict[str, str]:
    """What the sandbox, in the vendors' place, and the service that talks to vendors agree on."""
    return {
        "WHATSAPP_APP_SECRET": keys.whatsapp_app_secret,
        "WHATSAPP_VERIFY_TOKEN": keys.whatsapp_verify_token,
        "WHATSAPP_TOKEN": keys.whatsapp_token,
        "WHATSAPP_PHONE_NUMBER_ID": keys.whatsapp_phone_number_id,
        "SMS_API_KEY": keys.sms_api_key,
        "SMS_WEBHOOK_SECRET": keys.sms_webhook_secret,
    }
