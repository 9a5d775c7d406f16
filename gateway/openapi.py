"""One OpenAPI document for everything that is reachable from outside, put together from what the services say."""

import asyncio
import logging
import time
from collections.abc import Mapping
from itertools import chain, count
from typing import Any

import orjson

from gateway.problems import BadGateway, GatewayTimeout, Overloaded, RateLimited, UpstreamAway
from gateway.routes import Access, RouteTable, Service
from gateway.upstream.connection import UpstreamError
from gateway.upstream.pool import Upstream
from libs.common.errors import problems

log = logging.getLogger(__name__)

FRESH_SECONDS = 30.0
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_ABOUT = (
    "Everything a client can call, through one address.\n\n"
    "Log in with `POST /auth/otp/request` and `/auth/otp/verify` (patients) or `POST /auth/login` (staff), "
    "then send `Authorization: Bearer <access_token>`. Errors are `application/problem+json` with a stable `code`; "
    "quote their `request_id` when you ask about one."
)

_SCHEMA = "#/components/schemas/"
_OUR_PROBLEMS = {
    str(status): response
    for status, response in problems(RateLimited, Overloaded, UpstreamAway, BadGateway, GatewayTimeout).items()
}

Document = dict[str, Any]


class MergedOpenApi:
    """Fetched when somebody asks, kept for half a minute."""

    def __init__(self, routes: RouteTable, upstreams: Mapping[Service, Upstream]) -> None:
        self._routes = routes
        self._upstreams = upstreams
        self._lock = asyncio.Lock()
        self._body = b""
        self._fetched_at = float("-inf")

    async def document(self) -> bytes:
        """The document as JSON. A service that is away is named in it and otherwise missing."""
        async with self._lock:
            if time.monotonic() - self._fetched_at > FRESH_SECONDS:
                found = await asyncio.gather(*(self._fetch(service) for service in self._upstreams))
                documents = dict(zip(self._upstreams, found, strict=True))
                self._body = orjson.dumps(merged(documents, self._routes))
                # What is incomplete is asked for again soon, not on every call.
                self._fetched_at = time.monotonic() - (0 if all(found) else FRESH_SECONDS - 2)
            return self._body

    async def _fetch(self, service: Service) -> Document | None:
        try:
            document: Document = orjson.loads(await self._upstreams[service].get("/openapi.json"))
        except (UpstreamError, orjson.JSONDecodeError) as error:
            log.warning("no OpenAPI document", extra={"upstream": str(service), "error_type": type(error).__name__})
            return None
        return document


def merged(documents: Mapping[Service, Document | None], routes: RouteTable) -> Document:
    """One document; `None` stands for a service that could not be asked."""
    missing = [str(service) for service, document in documents.items() if document is None]
    note = f"\n\n**Not available right now, so not shown:** {', '.join(missing)}." if missing else ""
    whole: Document = {
        "openapi": "3.1.0",
        "info": {"title": "Clinic platform", "version": "1.0.0", "description": _ABOUT + note},
        "servers": [{"url": "/"}],
        "tags": [],
        "x-tagGroups": [],
        "paths": {},
        "components": {},
    }
    for service, document in documents.items():
        if document is not None:
            _add(whole, service, document, routes)
    _drop_unused_schemas(whole)
    schemes = whole["components"].setdefault("securitySchemes", {})
    schemes.setdefault("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    return whole


def _add(whole: Document, service: Service, document: Document, routes: RouteTable) -> None:
    renamed = _renamed(whole["components"], service, document.get("components", {}))
    for kind, entries in document.get("components", {}).items():
        target = whole["components"].setdefault(kind, {})
        for name, entry in entries.items():
            target[renamed.get(f"#/components/{kind}/{name}", name)] = _pointing(entry, renamed)
    tags: list[str] = []
    ids: set[str] = set()
    for path, item in document.get("paths", {}).items():
        route = routes.match(path)
        if route is None or route.service is not service:
            continue
        shown = _pointing(item, renamed)
        for operation in _operations(shown):
            operation["tags"] = [_tag(service, tag) for tag in operation.get("tags", [])] or [str(service)]
            tags += [tag for tag in operation["tags"] if tag not in tags]
            operation["operationId"] = _new_id(f"{service}_{operation.get('operationId', 'call')}", ids)
            if route.access is Access.BEARER:
                operation.setdefault("security", [{"bearer": []}])
            _add_our_problems(operation, renamed)
        whole["paths"][path] = shown
    if tags:
        about = document.get("info", {}).get("description", "")
        whole["tags"] += [{"name": tags[0], "description": about}, *({"name": tag} for tag in tags[1:])]
        whole["x-tagGroups"].append({"name": str(service), "tags": tags})


def _tag(service: Service, tag: str) -> str:
    return str(service) if tag == service else f"{service} · {tag}"


def _new_id(wanted: str, taken: set[str]) -> str:
    """The id, with a number behind it where the service has used it before; other services' begin otherwise."""
    candidates = chain([wanted], (f"{wanted}_{number}" for number in count(2)))
    found = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(found)
    return found


def _add_our_problems(operation: Document, renamed: Mapping[str, str]) -> None:
    """What the gateway itself may answer, beside what the service says of the same status."""
    responses = operation.setdefault("responses", {})
    for status, response in _pointing(_OUR_PROBLEMS, renamed).items():
        known = responses.setdefault(status, response)
        if known is not response:
            known["description"] = f"{known.get('description', '')}; {response['description']}"


def _drop_unused_schemas(whole: Document) -> None:
    """What only internal paths speak of is nobody's business outside."""
    schemas: Document = whole["components"].get("schemas", {})
    wanted, found = _schemas_named_in(whole["paths"]), set[str]()
    while wanted:
        found |= wanted
        wanted = {other for name in wanted for other in _schemas_named_in(schemas.get(name))} - found
    for name in schemas.keys() - found:
        del schemas[name]


def _schemas_named_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {name for inner in value.values() for name in _schemas_named_in(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in _schemas_named_in(inner)}
    if isinstance(value, str) and value.startswith(_SCHEMA):
        return {value.removeprefix(_SCHEMA)}
    return set()


def _operations(item: Document) -> list[Document]:
    return [operation for method, operation in item.items() if method in _METHODS]


def _renamed(components: Document, service: Service, own: Document) -> dict[str, str]:
    """Reference -> new name, for each component whose name is taken by a different one.

    Different is also what reads the same and points at something renamed, so this goes on until nothing changes.
    """
    taken = {
        f"#/components/{kind}/{name}": (name, entry, components[kind][name])
        for kind, entries in own.items()
        for name, entry in entries.items()
        if name in components.get(kind, {})
    }
    renamed: dict[str, str] = {}
    while True:
        more = {
            reference: f"{service.title()}{name}"
            for reference, (name, entry, other) in taken.items()
            if reference not in renamed and _pointing(entry, renamed) != other
        }
        if not more:
            return renamed
        renamed |= more


def _pointing(value: Any, renamed: Mapping[str, str]) -> Any:
    """A copy in which every reference to a renamed component points at its new name."""
    if isinstance(value, dict):
        return {key: _pointing(inner, renamed) for key, inner in value.items()}
    if isinstance(value, list):
        return [_pointing(inner, renamed) for inner in value]
    if isinstance(value, str) and value in renamed:
        return value.rpartition("/")[0] + "/" + renamed[value]
    return value
