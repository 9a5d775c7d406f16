"""A service under test: its real app on real storage, with people who have tokens, and its events in the hand."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import orjson
from fastapi import FastAPI

from libs.common.ids import new_id
from libs.common.messaging.consumer import Handler
from libs.common.messaging.events import Envelope, Event
from libs.common.runtime import Runtime
from libs.common.service_worker import deliver_to
from libs.common.settings import ServiceSettings
from libs.common.subjects import Subject
from libs.common.testing.clock import FrozenClock
from libs.common.testing.identity import ISSUER, FixedKeys, TokenMint

S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T", bound=Runtime[Any])


@dataclass
class KnownSubjects:
    """A `SubjectOwner` that knows what a test tells it."""

    known: dict[str, Subject] = field(default_factory=dict)

    async def subject(self, subject_id: str) -> Subject | None:
        return self.known.get(subject_id)

    async def subjects_of(self, account_id: str) -> list[Subject]:
        return [subject for subject in self.known.values() if account_id in subject.accounts]

    def add(self, subject_id: str, clinic_id: str, *accounts: str) -> None:
        self.known[subject_id] = Subject(id=subject_id, clinic_id=clinic_id, accounts=list(accounts))


@dataclass
class Answer:
    """A response, with what tests look at first."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def code(self) -> str:
        """The problem's code; empty for a good answer."""
        return str(self.body.get("code", "")) if self.status >= 400 else ""


class ServiceUnderTest:
    """Calls go through the whole app; what it announced is read from its outbox, so no broker is needed."""

    def __init__(self, app: FastAPI, runtime: Runtime[Any], clock: FrozenClock, keys: FixedKeys) -> None:
        self.app = app
        self.runtime = runtime
        self.clock = clock
        self.keys = keys
        self.mint = TokenMint(keys)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://service.test")

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. `key` is the Idempotency-Key; "new" makes a fresh one."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["Idempotency-Key"] = new_id("key") if key == "new" else key
        response = await self.http.request(method, path, json=json, params=params, headers=sent)
        return Answer(response.status_code, orjson.loads(response.content or b"null"), response.headers)

    async def announced(self, *kinds: str) -> list[Envelope]:
        """The messages waiting in the outbox, oldest first, of these types (all, when none are named)."""
        found: list[Envelope] = []
        for name in self.runtime.carriers:
            async for document in self.runtime.db[name].find({"outbox_at": {"$exists": True}}):
                found += [Envelope.model_validate_json(item["body"]) for item in document["outbox"]]
        wanted = [envelope for envelope in found if not kinds or envelope.type in kinds]
        return sorted(wanted, key=lambda envelope: envelope.id)

    async def deliver(self, table: Mapping[type[Event], Handler], *envelopes: Envelope) -> None:
        """Hand these envelopes to the service's own handlers, as its consumer would."""
        deliver = deliver_to(self.runtime)
        by_type = {(event.type, event.version): (event, handler) for event, handler in table.items()}
        for envelope in envelopes:
            known = by_type.get((envelope.type, envelope.version))
            if known is not None:
                await deliver(known[1], known[0].model_validate(envelope.data), envelope)


@asynccontextmanager
async def service_under_test(
    build: Callable[[T], FastAPI],
    make_runtime: Callable[..., T],
    settings: type[S],
    *,
    mongodb_url: str,
    redis_url: str,
    **more: Any,
) -> AsyncIterator[ServiceUnderTest]:
    """Start a service in this process on a database of its own, and drop that afterwards.

    `make_runtime(settings, clock=, key_sources=, ...)` is the service's runtime class; `more` goes to it too,
    except `settings_values`, which goes to the settings.
    """
    values = more.pop("settings_values", {})
    clock, keys = FrozenClock(), FixedKeys()
    name = new_id("t").replace("_", "")
    configured = settings(
        **{
            "service_name": settings.model_fields["service_name"].default,
            "mongodb_url": mongodb_url,
            "redis_url": redis_url,
            "token_issuer": ISSUER,
            "environment": "test",
            **values,
        }
    )
    runtime = make_runtime(configured, clock=clock, key_sources=lambda _: (keys, keys), database=f"test_{name}", **more)
    app = build(runtime)
    async with app.router.lifespan_context(app):
        service = ServiceUnderTest(app, runtime, clock, keys)
        try:
            yield service
        finally:
            await service.http.aclose()
            await runtime.client.drop_database(runtime.db.name)
