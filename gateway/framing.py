"""What a request's headers must be for it to mean the same to us and to whoever reads it next."""

from collections.abc import Sequence

from gateway.problems import AmbiguousRequest, HeadTooLarge
from libs.common.errors import BadRequest, Problem

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"host"})


def flaw_in_headers(
    headers: Sequence[tuple[bytes, bytes]], http_version: str, *, max_bytes: int, max_headers: int
) -> Problem | None:
    """The reason to refuse a request by its headers (lower-case names); None when there is none."""
    size = 0
    framing: list[bytes] = []
    for name, value in headers:
        size += len(name) + len(value)
        if name in _FRAMING:
            framing.append(name)
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                return AmbiguousRequest("The only Transfer-Encoding is chunked")
            if name == b"content-length" and not value.isdigit():
                return AmbiguousRequest("Content-Length is a number")
    if size > max_bytes or len(headers) > max_headers:
        return HeadTooLarge()
    if framing == [b"host"]:
        return None
    if len(set(framing)) != len(framing) or (b"content-length" in framing and b"transfer-encoding" in framing):
        return AmbiguousRequest("Host once; Content-Length or Transfer-Encoding once, never both")
    if b"host" not in framing and http_version != "1.0":
        return BadRequest("A request has a Host header")
    return None
