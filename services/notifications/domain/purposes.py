"""Why people get messages, and what follows from it: how urgent it is, and over which channels it goes in turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    WHATSAPP = "whatsapp"
    SMS = "sms"
    EMAIL = "email"


class Category(StrEnum):
    """How much a message may intrude; quiet hours and consent go by it."""

    OTP = "otp"
    CRITICAL = "critical"
    TRANSACTIONAL = "transactional"
    PROMOTIONAL = "promotional"


class Purpose(StrEnum):
    OTP = "otp"
    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    APPOINTMENT_RESCHEDULED = "appointment_rescheduled"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    WAITLIST_OFFERED = "waitlist_offered"


@dataclass(frozen=True, slots=True)
class Rules:
    """`plan`: the first channel is tried first, the next when that one cannot deliver."""

    category: Category
    plan: tuple[Channel, ...]


_CODE = Rules(Category.OTP, (Channel.SMS, Channel.WHATSAPP))
_NEWS = Rules(Category.TRANSACTIONAL, (Channel.WHATSAPP, Channel.SMS, Channel.EMAIL))

RULES: Mapping[Purpose, Rules] = {
    Purpose.OTP: _CODE,
    Purpose.APPOINTMENT_CONFIRMED: _NEWS,
    Purpose.APPOINTMENT_RESCHEDULED: _NEWS,
    Purpose.APPOINTMENT_CANCELLED: _NEWS,
    Purpose.WAITLIST_OFFERED: _NEWS,
}

_URGENT = (Category.OTP, Category.CRITICAL)


def lane_of(channel: Channel, category: Category) -> str:
    """Messages queue per provider, and urgent ones never behind the others."""
    return f"{channel}:urgent" if category in _URGENT else str(channel)


LANES = tuple(sorted({lane_of(channel, category) for channel in Channel for category in Category}))
