"""Put a message's text together at the last moment: numbers, names and codes come in here and are kept nowhere."""

import math
from collections.abc import Mapping
from datetime import datetime

from services.notifications.domain.letter import Letter
from services.notifications.domain.notification import Notification
from services.notifications.domain.outcome import Outcome, Result
from services.notifications.domain.policy import consented
from services.notifications.domain.purposes import Channel, Purpose
from services.notifications.domain.template import CODE_GAP, TemplateBook, fitting
from services.notifications.domain.wording import spoken
from services.notifications.use_cases.ports import ClinicCard, People, Recipient

CODE_GONE = Outcome(result=Result.HOPELESS, code="code_no_longer_good")
RECIPIENT_UNKNOWN = Outcome(result=Result.HOPELESS, code="recipient_unknown")
NO_CONSENT = Outcome(result=Result.REFUSED, code="no_consent")
NO_ADDRESS = Outcome(result=Result.REFUSED, code="no_address")

_MOMENTS = {"when": "start", "before": "previous_start", "until": "offer_expires_at"}
"""Gap in a text -> the parameter that holds its time."""


class LetterWriter:
    """Knows the texts and whom to ask. `service_label` is what a login code is for, as people read it."""

    def __init__(self, texts: TemplateBook, people: People, *, service_label: str) -> None:
        self._texts = texts
        self._people = people
        self._service_label = service_label

    async def write(self, notification: Notification) -> Letter | Outcome:
        """The letter for the current channel, or what follows from there being none.

        Raises `Unavailable` when another service does not answer.
        """
        if notification.purpose is Purpose.OTP:
            return await self._login_code(notification)
        recipient = await self._people.patient(notification.patient_id or "")
        if recipient is None:
            return RECIPIENT_UNKNOWN
        if not consented(notification, recipient.withdrawn_consents):
            return NO_CONSENT
        to = recipient.email if notification.channel is Channel.EMAIL else recipient.phone
        if not to:
            return NO_ADDRESS
        clinic = await self._people.clinic(notification.clinic_id)
        if clinic is None:
            return RECIPIENT_UNKNOWN
        values = await self._news(notification, recipient, clinic)
        return self._letter(notification, to, recipient.language, values)

    async def _login_code(self, notification: Notification) -> Letter | Outcome:
        found = await self._people.code(notification.about)
        if found is None:
            return CODE_GONE
        # Counted from when it was asked for, so that every try says the same: gateways refuse a changed repeat.
        life = (found.expires_at - notification.created_at).total_seconds()
        values = {
            CODE_GAP: found.code,
            "service": self._service_label,
            "minutes": str(max(1, math.ceil(life / 60))),
        }
        return self._letter(notification, found.phone, notification.language or found.language, values)

    async def _news(self, notification: Notification, recipient: Recipient, clinic: ClinicCard) -> Mapping[str, str]:
        params = notification.params
        moments = {
            gap: spoken(datetime.fromisoformat(params[name]), clinic.zone, recipient.language)
            for gap, name in _MOMENTS.items()
            if name in params
        }
        doctor = await self._people.staff_name(params["doctor_id"])
        return {"patient": recipient.name, "clinic": clinic.name, "doctor": doctor or clinic.name, **moments}

    def _letter(self, notification: Notification, to: str, language: str, values: Mapping[str, str]) -> Letter:
        template = self._texts.text_for(notification.purpose, notification.channel, language)
        fitted = {gap: fitting(values[gap]) for gap in template.gaps}
        return Letter(
            channel=notification.channel,
            to=to,
            ref=notification.ref,
            template_id=template.id,
            language=template.language,
            text=template.filled(fitted),
            parameters=tuple(fitted[gap] for gap in template.gaps),
            subject=template.subject,
            copied_code=fitted[CODE_GAP] if template.authentication else None,
        )
