"""Every path that leads inside, on one page. What is not here, such as `/internal`, is a 404."""

from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """The services behind the gateway; each has its `<name>_url` in the settings."""

    AUTH = "auth"
    REGISTRY = "registry"
    SCHEDULING = "scheduling"
    NOTIFICATIONS = "notifications"
    AUDIT = "audit"


class Access(StrEnum):
    """What the gateway asks for before it lets a request through."""

    PUBLIC = "public"
    """Nothing."""
    OFFERED = "offered"
    """A good access token counts towards its user's limits; the service judges every other bearer itself."""
    BEARER = "bearer"
    """A valid access token, or 401."""
    WEBHOOK = "webhook"
    """Nothing; the service checks the sender's signature over the raw body."""


class Rate(StrEnum):
    """Classes of routes that are counted together."""

    LOGIN = "login"
    """Per address, counted exactly: guessing is what these invite."""
    STANDARD = "standard"
    """Per user and clinic; per address where there is no user."""
    WEBHOOK = "webhook"
    """Per address, generous: providers send in bursts."""


@dataclass(frozen=True, slots=True)
class Route:
    """`path` and everything below it. The longest match wins, and paths are forwarded as they are.

    `reads` names headers that only this route lets through, besides `headers.FORWARDED`.
    """

    path: str
    service: Service
    access: Access = Access.BEARER
    rate: Rate = Rate.STANDARD
    reads: frozenset[bytes] = frozenset()

    def covers(self, path: str) -> bool:
        return path == self.path or path.startswith(self.path + "/")


ROUTES = (
    # auth
    Route("/auth/otp/request", Service.AUTH, Access.PUBLIC, Rate.LOGIN),
    Route("/auth/otp/verify", Service.AUTH, Access.PUBLIC, Rate.LOGIN),
    Route("/auth/login", Service.AUTH, Access.PUBLIC, Rate.LOGIN),
    Route("/auth/mfa/verify", Service.AUTH, Access.PUBLIC, Rate.LOGIN),
    Route("/auth/password", Service.AUTH, Access.PUBLIC, Rate.LOGIN),
    Route("/auth/refresh", Service.AUTH, Access.PUBLIC),
    Route("/auth", Service.AUTH, Access.OFFERED),
    Route("/clinics", Service.AUTH, Access.OFFERED, reads=frozenset({b"x-bootstrap-token"})),
    Route("/doctors", Service.AUTH),
    Route("/staff", Service.AUTH),
    Route("/.well-known/jwks.json", Service.AUTH, Access.PUBLIC),
    # registry
    Route("/patients", Service.REGISTRY),
    Route("/consents", Service.REGISTRY),
    # scheduling
    Route("/slots", Service.SCHEDULING),
    Route("/slot-templates", Service.SCHEDULING),
    Route("/leaves", Service.SCHEDULING),
    Route("/appointments", Service.SCHEDULING),
    Route("/queue", Service.SCHEDULING),
    Route("/waitlist", Service.SCHEDULING),
    Route("/booking-policies", Service.SCHEDULING),
    # notifications
    Route("/notifications", Service.NOTIFICATIONS),
    Route("/preferences", Service.NOTIFICATIONS),
    Route(
        "/webhooks/whatsapp",
        Service.NOTIFICATIONS,
        Access.WEBHOOK,
        Rate.WEBHOOK,
        reads=frozenset({b"x-hub-signature-256"}),
    ),
    Route(
        "/webhooks/sms",
        Service.NOTIFICATIONS,
        Access.WEBHOOK,
        Rate.WEBHOOK,
        reads=frozenset({b"x-signature"}),
    ),
    # audit
    Route("/audit", Service.AUDIT),
)


class RouteTable:
    """Finds a path's route by its first segment, then by the longest of the few that share it."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self._by_first_segment: dict[str, list[Route]] = {}
        for route in sorted(routes, key=lambda route: len(route.path), reverse=True):
            self._by_first_segment.setdefault(route.path.split("/", 2)[1], []).append(route)

    def match(self, path: str) -> Route | None:
        """The route for a raw (still percent-encoded) path."""
        for route in self._by_first_segment.get(path[1:].partition("/")[0], ()):
            if route.covers(path):
                return route
        return None
