"""Every route times every role, from the permission tables themselves: who is let in, and who is not."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi.routing import APIRoute

from libs.common.ids import new_id
from libs.common.security.permissions import RequiredPermission, access_of
from libs.common.testing.service_under_test import Answer, ServiceUnderTest


@dataclass(frozen=True)
class Case:
    """One request that only its caller's role decides about: all else in it is made up."""

    method: str
    path: str
    role: str
    allowed: bool

    def __str__(self) -> str:
        return f"{self.role} {self.method} {self.path}"


def cases(service: ServiceUnderTest, roles: Iterable[str]) -> list[Case]:
    """The whole matrix of a service; public routes have no row in it."""
    matrix = []
    for route, access in _guarded(service):
        for role in roles:
            allowed = role in access.permission.grants
            matrix += [Case(method, route.path, role, allowed) for method in sorted(route.methods or ())]
    return matrix


async def violations(service: ServiceUnderTest, roles: Iterable[str]) -> list[str]:
    """What the service does other than its tables say. A route must refuse without a token, refuse roles that do
    not hold its permission, and let the others pass (to whatever it says about a made-up request)."""
    wrong = []
    for case in cases(service, roles):
        answer = await _call(service, case, _token(service, case.role))
        let_in = not (answer.status == 403 and answer.code == "forbidden") and answer.status != 401
        if let_in != case.allowed or answer.status >= 500:
            wrong.append(f"{case}: {answer.status} {answer.code}")
    for route, _ in _guarded(service):
        for method in sorted(route.methods or ()):
            anonymous = await _call(service, Case(method, route.path, "nobody", allowed=False), None)
            if anonymous.status != 401:
                wrong.append(f"nobody {method} {route.path}: {anonymous.status}")
    return wrong


def _guarded(service: ServiceUnderTest) -> list[tuple[APIRoute, RequiredPermission]]:
    pairs = [(route, access_of(route)[0]) for route in service.app.state.api_routes]
    return [(route, access) for route, access in pairs if isinstance(access, RequiredPermission)]


def _token(service: ServiceUnderTest, role: str) -> str:
    if role == "patient":
        return service.mint.account(new_id("acc"))
    if role == "system":
        return service.mint.service("tests", service.runtime.settings.service_name)
    return service.mint.staff(role, new_id("cln"))


async def _call(service: ServiceUnderTest, case: Case, token: str | None) -> Answer:
    path = "/".join("x" if part.startswith("{") else part for part in case.path.split("/"))
    return await service.call(case.method, path, token=token, key="new")
