"""Which other origins' pages may call from a browser. Tokens travel in a header: credentials are never allowed."""

import re

from gateway.headers import Headers

_LOCALHOST = re.compile(rb"https?://(localhost|127\.0\.0\.1)(:\d{1,5})?")
_EXPOSED = b"ETag, Location, Retry-After, X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Request-ID"


class Cors:
    """`origins` are compared exactly; `localhost` allows any port of this machine (development)."""

    def __init__(self, origins: list[str], *, localhost: bool) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._localhost = localhost

    def allows(self, origin: bytes) -> bool:
        return origin in self._origins or (self._localhost and _LOCALHOST.fullmatch(origin) is not None)

    def headers(self, origin: bytes | None) -> Headers:
        """What a response to this origin carries."""
        if origin is None:
            return []
        if not self.allows(origin):
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight(self, origin: bytes) -> Headers:
        """What the answer to the browser's question, before it sends the real request, carries besides."""
        if not self.allows(origin):
            return []
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", b"600"),
        ]
