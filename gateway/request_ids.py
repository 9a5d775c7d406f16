"""Request ids: TypeIDs as everywhere, made without the system call that a new one usually costs."""

import random
import time

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_UUID7 = (0x7 << 76) | (0x2 << 62)
_RANDOM_BITS = (1 << 76) - 1 & ~(0x3 << 62)

_random = random.Random()  # noqa: S311 - seeded by the system; ids need to be different, not secret


def new_request_id() -> str:
    """An id such as `req_01j9zqk5w0e5ta3m3w2x0v6h7c`: milliseconds since 1970, then 74 random bits."""
    number = (int(time.time() * 1000) << 80) | _UUID7 | (_random.getrandbits(76) & _RANDOM_BITS)
    return "req_" + "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])
