"""The composition root: the only place where notifications' real parts are chosen."""

from collections.abc import Mapping
from typing import Any

from libs.common.messaging.outbox import OutboxWaker
from libs.common.resilience.http_client import OutboundClient
from libs.common.runtime import Runtime
from libs.common.subjects import SubjectOwner
from libs.contracts.registry_api import RegistrySubjects
from services.notifications.adapters.mail import Mail
from services.notifications.adapters.people import PeopleOfThePlatform
from services.notifications.adapters.registration import TemplateRegistration
from services.notifications.adapters.signatures import SignedBy
from services.notifications.adapters.sms import Sms
from services.notifications.adapters.template_files import read_templates
from services.notifications.adapters.whatsapp import WhatsApp
from services.notifications.domain.errors import PatientUnknown
from services.notifications.domain.purposes import Channel
from services.notifications.jobs.dispatch import Dispatcher
from services.notifications.jobs.sender import Sender
from services.notifications.persistence.documents import DOCUMENTS
from services.notifications.persistence.repositories import MongoNotificationsTx, MongoOldMessages
from services.notifications.settings import NotificationsSettings
from services.notifications.use_cases.ports import NotificationsTx, People, Provider
from services.notifications.use_cases.write_letter import LetterWriter


class NotificationsRuntime(Runtime[NotificationsTx]):
    """The kernel's runtime, the vendors, and what checks that a webhook is theirs."""

    settings: NotificationsSettings

    def __init__(self, settings: NotificationsSettings, **parts: Any) -> None:
        people: People | None = parts.pop("people", None)
        super().__init__(
            settings,
            make_tx=MongoNotificationsTx,
            documents=DOCUMENTS,
            subjects=parts.pop("subjects", _registry_subjects(settings)),
            missing_subject=PatientUnknown,
            **parts,
        )
        self.people = people or PeopleOfThePlatform(_auth(self, settings), _registry(self, settings))
        self.old_messages = MongoOldMessages(self.db)
        self.texts = read_templates(settings.templates_dir)
        self.sends = OutboxWaker(f"{self.db.name}.sends", self._wakes)
        self.signed_by_whatsapp = SignedBy(settings.whatsapp_app_secret, settings.whatsapp_app_secret_previous)
        self.signed_by_sms = SignedBy(settings.sms_webhook_secret, settings.sms_webhook_secret_previous)
        self.whatsapp_verify_token = settings.whatsapp_verify_token
        self.account_key = settings.account_pseudonym_key

    def sender(self) -> Sender:
        """What sends, with vendors and breakers of its own; a worker has one."""
        settings = self.settings
        writer = LetterWriter(self.texts, self.people, service_label=settings.service_label)
        dispatcher = Dispatcher(
            self.transact,
            writer,
            _vendors(settings),
            service=settings.service_name,
            clock=self.clock,
            retry_after=settings.retry_after_seconds,
        )
        return Sender(
            self.transact, dispatcher, self.sends, service=settings.service_name, width=settings.sends_at_once
        )

    def registration(self) -> TemplateRegistration:
        """What makes our texts known to the sandbox."""
        places = {Channel.SMS: self.settings.sms_api_url, Channel.WHATSAPP: self.settings.whatsapp_api_url}
        clients = {channel: OutboundClient(f"{channel}_templates", str(url)) for channel, url in places.items()}
        return TemplateRegistration(self.texts, clients)

    async def stop(self) -> None:
        await self.sends.close()
        await super().stop()


def _vendors(settings: NotificationsSettings) -> Mapping[Channel, Provider]:
    """One attempt per call: repeating a message is the notification's decision, not the client's."""
    seconds, width = settings.vendor_timeout_seconds, 2 * settings.sends_at_once

    def client(name: str, url: object) -> OutboundClient:
        return OutboundClient(name, str(url), timeout=seconds, attempts=1, max_connections=width)

    password = settings.smtp_password.get_secret_value()
    return {
        Channel.WHATSAPP: WhatsApp(
            client("whatsapp", settings.whatsapp_api_url),
            version=settings.whatsapp_api_version,
            phone_number_id=settings.whatsapp_phone_number_id,
            token=settings.whatsapp_token.get_secret_value(),
        ),
        Channel.SMS: Sms(
            client("sms", settings.sms_api_url),
            api_key=settings.sms_api_key.get_secret_value(),
            sender=settings.sms_sender,
            principal_entity_id=settings.sms_principal_entity_id,
        ),
        Channel.EMAIL: Mail(
            settings.smtp_host,
            settings.smtp_port,
            sender=settings.mail_from,
            timeout=seconds,
            login=None if settings.smtp_username is None else (settings.smtp_username, password),
        ),
    }


def _auth(runtime: Runtime[Any], settings: NotificationsSettings) -> OutboundClient:
    return OutboundClient("auth", str(settings.auth_url), token=runtime.service_tokens.for_audience("auth"))


def _registry(runtime: Runtime[Any], settings: NotificationsSettings) -> OutboundClient:
    token = runtime.service_tokens.for_audience("registry")
    return OutboundClient("registry", str(settings.registry_url), token=token)


def _registry_subjects(settings: NotificationsSettings) -> Any:
    def owner(runtime: Runtime[Any]) -> SubjectOwner:
        return RegistrySubjects(_registry(runtime, settings))

    return owner


def notifications(settings: NotificationsSettings | None = None) -> NotificationsRuntime:
    """Everything a process of this service runs on."""
    return NotificationsRuntime(settings or NotificationsSettings())
