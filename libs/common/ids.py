"""Identifiers are TypeIDs: sortable by time, and readable in a log at three in the morning.

`apt_01j9z...` says at a glance that it names an appointment. Source: https://github.com/jetify-com/typeid
"""

from datetime import UTC, datetime

from typeid import TypeID

_SUFFIX = r"[0-7][0-9a-hjkmnp-tv-z]{25}"
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """A fresh id such as `apt_01j9zqk5w0e5ta3m3w2x0v6h7c`; ids made later sort later."""
    return str(TypeID(prefix=prefix))


def id_pattern(prefix: str) -> str:
    """The regular expression that ids with this prefix match, whole."""
    return f"^{prefix}_{_SUFFIX}$"


def first_id_at(prefix: str, at: datetime) -> str:
    """The smallest id with this prefix that can have been made at `at` or later.

    Range queries on `_id` use it: "everything older than a day" needs no index on a date.
    """
    number = int(at.astimezone(UTC).timestamp() * 1000) << 80
    suffix = "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
    return f"{prefix}_{suffix}"
