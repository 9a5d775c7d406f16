"""Puts the vendors together around one message store: the only place where real things are chosen."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.background import Background
from sandbox.faults import FaultBoard
from sandbox.messages import MessageStore
from sandbox.phones import Phones
from sandbox.settings import SandboxSettings
from sandbox.sms.gateway import SmsGateway
from sandbox.smtp import MailServer
from sandbox.webhooks import Subscriber, Webhooks
from sandbox.whatsapp.account import WhatsAppAccount
from sandbox.whatsapp.limits import SendLimits


def utc_now() -> datetime:
    """The machine's own clock, cut to milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class World:
    """Everything outside the platform, running."""

    settings: SandboxSettings
    messages: MessageStore
    faults: FaultBoard
    phones: Phones
    webhooks: Webhooks
    whatsapp: WhatsAppAccount
    sms: SmsGateway
    smtp_port: int


@asynccontextmanager
async def running_world(settings: SandboxSettings, now: Callable[[], datetime] = utc_now) -> AsyncIterator[World]:
    """Open the mail server and get the vendors ready. Raises OSError when the SMTP port is taken."""
    background = Background()
    messages, faults, phones = MessageStore(settings.messages_kept), FaultBoard(), Phones()
    webhooks = Webhooks(str(settings.webhook_base_url), settings.webhook_retry_seconds, background)
    mail = await MailServer(messages, faults, now).listen(settings.host, settings.smtp_port)
    whatsapp = WhatsAppAccount(
        messages=messages,
        phones=phones,
        webhooks=webhooks,
        background=background,
        subscriber=Subscriber(
            "/webhooks/whatsapp", "X-Hub-Signature-256", settings.whatsapp_app_secret.get_secret_value()
        ),
        limits=SendLimits(settings.whatsapp_messages_per_second, settings.whatsapp_pair_burst),
        now=now,
        phone_number_id=settings.whatsapp_phone_number_id,
        delivered_after_seconds=settings.delivered_after_seconds,
        read_after_seconds=settings.read_after_seconds,
    )
    sms = SmsGateway(
        messages=messages,
        phones=phones,
        webhooks=webhooks,
        background=background,
        subscriber=Subscriber("/webhooks/sms", "X-Signature", settings.sms_webhook_secret.get_secret_value()),
        now=now,
        delivered_after_seconds=settings.delivered_after_seconds,
        kept=settings.messages_kept,
        known_templates=settings.sms_templates,
    )
    try:
        yield World(settings, messages, faults, phones, webhooks, whatsapp, sms, mail.sockets[0].getsockname()[1])
    finally:
        mail.close()
        await background.close()
        await webhooks.close()
