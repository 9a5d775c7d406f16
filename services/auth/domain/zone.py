"""Time zones a clinic can live in."""

from functools import cache
from zoneinfo import available_timezones


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone(name: str) -> str:
    """The name itself, if it is one of the IANA database's; else ValueError."""
    if name not in _known():
        raise ValueError("not a time zone such as Asia/Kolkata")
    return name
