"""Which headers cross the gateway, in both directions.

Requests: an allow-list. What a service may read is listed here, everything else stays outside: hop-by-hop headers,
every way to claim an identity (`X-User-*`, `X-Actor`, `X-Clinic-Id`, `X-Forwarded-User`, `X-Internal-*`, and the ones
nobody has thought of yet), and spellings that a server may fold into another name (`X_User`). A deny-list would have
to know them all. A service that starts reading a new header adds it here, or to its one route.

Responses: a deny-list, because services are ours; only what is between two connections stays behind.
"""

from collections.abc import Iterable

from gateway.problems import AmbiguousRequest

Headers = list[tuple[bytes, bytes]]

FORWARDED = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"last-event-id",
        b"prefer",
        b"range",
        b"user-agent",
    }
)

_ONCE = frozenset({b"authorization", b"content-length", b"content-type", b"idempotency-key", b"if-match"})

_NOT_RETURNED = frozenset(
    {
        b"connection",
        b"date",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-request-id",
    }
)


def request_lines(headers: Iterable[tuple[bytes, bytes]], also: frozenset[bytes]) -> list[bytes]:
    """The header lines that go on to the service; `also` names what this route lets through besides.

    Raises `AmbiguousRequest` for a header that decides something and comes twice.
    """
    lines: list[bytes] = []
    seen: set[bytes] = set()
    per_connection: frozenset[bytes] = frozenset()
    for name, value in headers:
        if name in FORWARDED or name in also:
            if name in _ONCE:
                if name in seen:
                    raise AmbiguousRequest(f"The header {name.decode()} may come only once")
                seen.add(name)
            lines.append(b"%b: %b\r\n" % (name, value))
        elif name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            per_connection |= named_by_connection(value)
    if per_connection:
        lines = [line for line in lines if line.partition(b":")[0] not in per_connection]
    return lines


def response_headers(headers: Headers, status: int) -> Headers:
    """The headers that go back to the client: without a length where it would describe no body, and with HEAD among
    what a 405 allows where GET is, because that is how it is offered here."""
    with_length = status not in (204, 304)
    per_connection: frozenset[bytes] = frozenset()
    returned: Headers = []
    for header in headers:
        name = header[0]
        if name not in _NOT_RETURNED:
            if with_length or name != b"content-length":
                returned.append(_with_head(header) if status == 405 and name == b"allow" else header)
        elif name == b"connection" and header[1].lower() not in (b"keep-alive", b"close"):
            per_connection |= named_by_connection(header[1])
    if per_connection:
        returned = [header for header in returned if header[0] not in per_connection]
    return returned


def _with_head(allow: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, methods = allow
    return (name, methods + b", HEAD") if b"GET" in methods and b"HEAD" not in methods else allow


def named_by_connection(value: bytes) -> frozenset[bytes]:
    """The header names that a `Connection` header declares hop by hop. Framing is never among them."""
    return frozenset(name.strip().lower() for name in value.split(b",")) - {b"content-length"}
