"""The words by which people opt out of a channel, or in again, by writing to us."""

_OUT = frozenset({"stop", "stop all", "unsubscribe", "opt out", "बंद", "बंद करो", "रोको"})
_IN = frozenset({"start", "unstop", "subscribe", "opt in", "चालू", "शुरू"})


def turns(text: str) -> bool | None:
    """True: opts out. False: opts in. None: says something else. A keyword stands alone, in any case."""
    word = " ".join(text.split()).strip(" .!").casefold()
    if word in _OUT:
        return True
    return False if word in _IN else None
