"""Times as people read them: `Wed 25 Nov, 10:15 am` on the clinic's clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

_DAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "hi": ("सोम", "मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि"),
}
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "hi": ("जन", "फ़र", "मार्च", "अप्रैल", "मई", "जून", "जुल", "अग", "सित", "अक्टू", "नव", "दिस"),
}


def spoken(moment: datetime, zone: str, language: str) -> str:
    """Day and time in that zone; in English for languages without words here."""
    at = moment.astimezone(ZoneInfo(zone))
    base = language.partition("-")[0]
    words = base if base in _DAYS else "en"
    day = f"{_DAYS[words][at.weekday()]} {at.day} {_MONTHS[words][at.month - 1]}"
    return f"{day}, {at.hour % 12 or 12}:{at.minute:02} {'am' if at.hour < 12 else 'pm'}"
