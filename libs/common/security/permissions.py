"""Permissions: declared once per service, taken by endpoints as the type of their caller, checked for every route.

    APPOINTMENT_BOOK = permission("scheduling:appointment:book", {PATIENT: OWN, FRONT_DESK: CLINIC})
    CanBook = Annotated[Caller, requires(APPOINTMENT_BOOK)]

    @router.post(...)
    async def request_appointment(body: AppointmentRequest, caller: CanBook, ...): ...

A role that is not in the table gets 403. A route that takes no permission and is not `public` fails start-up.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from libs.common.errors import FieldError, Forbidden, Unauthenticated, Unprocessable
from libs.common.security.caller import Caller, Reach
from libs.common.telemetry.logs import bind_context

OWN, CLINIC, EVERYWHERE = Reach.OWN, Reach.CLINIC, Reach.EVERYWHERE

STEP_UP_WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Permission:
    """`service:resource:action`, the roles that hold it, how far each reaches, and whether it needs a fresh login."""

    name: str
    grants: Mapping[str, Reach]
    step_up: bool = False

    def __str__(self) -> str:
        return self.name


def permission(name: str, grants: Mapping[Any, Reach], *, step_up: bool = False) -> Permission:
    """Declare one. `step_up=True` asks for a second factor or password within the last five minutes."""
    if name.count(":") != 2:
        raise ValueError(f"{name!r} is not service:resource:action")
    return Permission(name, {str(role): reach for role, reach in grants.items()}, step_up)


class StepUpRequired(Forbidden):
    """The caller may do this, after proving once more who they are."""

    code = "step_up_required"
    title = "Confirm it is you first"


class RequiredPermission:
    """The dependency behind `requires`: verifies the bearer and applies the table."""

    def __init__(self, required: Permission) -> None:
        self.permission = required

    async def __call__(self, request: Request) -> Caller:
        if request.scope["query_string"]:
            _refuse_unknown_parameters(request)
        runtime = request.app.state.runtime
        claims = await runtime.verifier.verify(bearer_of(request))
        caller: Caller = claims.caller()
        bind_context(actor_id=caller.id)
        reach = self.permission.grants.get(caller.role)
        if reach is None:
            raise Forbidden(f"The role {caller.role!r} does not hold {self.permission.name!r}")
        if self.permission.step_up and time.time() - (caller.auth_time or 0) > STEP_UP_WINDOW_SECONDS:
            raise StepUpRequired("Send your current code to POST /auth/step-up and repeat the request")
        if caller.kind == "account" and runtime.subjects is not None:
            return replace(caller, reach=reach, owns=await runtime.subjects.of_account(caller.id))
        return replace(caller, reach=reach)


class PublicAccess:
    """The declaration that a route needs no token, and why."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        return None


def requires(required: Permission) -> Any:
    """For `Annotated[Caller, requires(PERMISSION)]`."""
    return Depends(RequiredPermission(required))


def public(why: str) -> Any:
    """For `dependencies=[public("...")]` on routes that anybody may call."""
    return Depends(PublicAccess(why))


def bearer_of(request: Request) -> str:
    """The token in the `Authorization` header; raises `Unauthenticated` when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send an access token: Authorization: Bearer <token>")
    return token.strip()


def _refuse_unknown_parameters(request: Request) -> None:
    """A filter that was misspelt must not become no filter at all."""
    known = set(_query_names(request.scope["route"].dependant))
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        words = f"There is no such parameter, only: {', '.join(sorted(known)) or 'none'}"
        raise Unprocessable(errors=[FieldError(pointer=f"/query/{name}", detail=words) for name in unknown[:5]])


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for child in dependant.dependencies:
        yield from _query_names(child)


def access_of(route: APIRoute) -> list[RequiredPermission | PublicAccess]:
    """What a route declares, its own and its routers' dependencies included."""
    return [call for call in _calls(route.dependant) if isinstance(call, RequiredPermission | PublicAccess)]


def check_every_route_declares_access(app: FastAPI, routes: list[APIRoute]) -> None:
    """Raise unless each route has exactly one declaration; called at start-up, so it cannot be forgotten."""
    for route in routes:
        declared = access_of(route)
        if len(declared) != 1:
            raise RuntimeError(
                f"{sorted(route.methods or ())} {route.path} of {app.title} declares {len(declared)} accesses: "
                "take one caller annotated with requires(...), or mark the route public(...)"
            )


def _calls(dependant: Dependant) -> Iterator[object]:
    for child in dependant.dependencies:
        if child.call is not None:
            yield child.call
        yield from _calls(child)
