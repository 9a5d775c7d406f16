"""Whether a message may go out now: opt-out, then quiet hours, and when it is written, consent."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from libs.contracts.consents import Purpose
from services.notifications.domain.notification import Notification
from services.notifications.domain.preference import Preference
from services.notifications.domain.purposes import Category, Channel
from services.notifications.domain.quiet_hours import QuietHours


@dataclass(frozen=True, slots=True)
class Send:
    """It may."""


@dataclass(frozen=True, slots=True)
class Suppress:
    """It must not, not even later."""

    reason: str


@dataclass(frozen=True, slots=True)
class SkipChannel:
    """Not here, perhaps on another channel."""

    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Not before `until`."""

    until: datetime


CONSENT_TO: Mapping[Channel, Purpose] = MappingProxyType(
    {
        Channel.WHATSAPP: Purpose.NOTIFICATIONS_WHATSAPP,
        Channel.SMS: Purpose.NOTIFICATIONS_SMS,
        Channel.EMAIL: Purpose.NOTIFICATIONS_EMAIL,
    }
)
"""What a patient agrees to at the registry, by channel."""
Ruling = Send | Suppress | SkipChannel | Defer


def rule(notification: Notification, preference: Preference | None, quiet: QuietHours, now: datetime) -> Ruling:
    """The first rule that objects decides. `preference` None: there is no patient to have any."""
    if notification.category is Category.PROMOTIONAL and not (preference and preference.promotional):
        return Suppress("no_consent")
    if preference is not None:
        if all(channel in preference.opted_out for channel in notification.plan):
            return Suppress("opted_out")
        if notification.channel in preference.opted_out:
            return SkipChannel("opted_out")
    until = quiet.end_of_quiet(notification.category, now)
    return Send() if until is None else Defer(until)


def consented(notification: Notification, withdrawn: Set[str]) -> bool:
    """Whether the patient has withdrawn neither the consent to this channel nor, for advertising, that to it."""
    needed = {CONSENT_TO[notification.channel]}
    if notification.category is Category.PROMOTIONAL:
        needed.add(Purpose.MARKETING)
    return needed.isdisjoint(withdrawn)
