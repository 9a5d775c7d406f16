"""How often what may be tried, on one page. What succeeds is not counted against anybody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from libs.common.telemetry.logs import get_logger
from services.auth.adapters.counters import Counters, Limit
from services.auth.domain.errors import ResendTooEarly, TooManyAttempts
from services.auth.settings import AuthSettings

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_BUDGET_MARKS = (80, 50)
"""Per cent of the day's messages at which somebody should know."""

_log = get_logger(__name__)


class Limits:
    """Each method counts an attempt and raises `TooManyAttempts`, or `LimitsUnavailable`, when it may not be made."""

    def __init__(self, counters: Counters, settings: AuthSettings) -> None:
        self._counters = counters
        self._otp_phone = Limit("otp_phone", settings.otp_per_phone_per_hour, _HOUR)
        self._otp_address = Limit("otp_address", settings.otp_per_address_per_hour, _HOUR)
        self._otp_budget = Limit("otp_budget", settings.otp_messages_per_day, _DAY)
        self._budget_mark = 0
        self._login_place = Limit("login_place", 10, 5 * _MINUTE)
        self._login_device = Limit("login_device", 10, 5 * _MINUTE)
        self._login_email = Limit("login_email", 100, _HOUR)
        self._login_address = Limit("login_address", settings.logins_per_address_per_hour, _HOUR)
        self._second_factor = Limit("second_factor", 10, 5 * _MINUTE)
        self._service = Limit("service", 30, _MINUTE)
        self._bootstrap = Limit("bootstrap", 10, _HOUR)

    @asynccontextmanager
    async def otp_request(self, account_id: str, address: str) -> AsyncIterator[None]:
        """Counts a message that is sent inside; one that is refused is counted against nobody.

        The phone comes last: it belongs to somebody else than the address, perhaps."""
        taken: list[tuple[Limit, str]] = []
        spent = 0
        try:
            for limit, key in (
                (self._otp_address, address),
                (self._otp_budget, "all"),
                (self._otp_phone, account_id),
            ):
                taken.append((limit, key))
                count = await self._counters.take(limit, key)
                spent = count if limit is self._otp_budget else spent
            self._watch_budget(spent)
            yield
        except (TooManyAttempts, ResendTooEarly):
            for limit, key in taken:
                await self._counters.give_back(limit, key)
            raise

    async def otp_right(self, address: str) -> None:
        """Whoever asked has the phone, so the address is no stranger's. The message was sent all the same: it stays
        counted for the phone and the budget, or one phone could spend the budget of all."""
        await self._counters.give_back(self._otp_address, address)

    def _watch_budget(self, spent: int) -> None:
        """Warns once for each mark that is reached; the next day begins below all of them."""
        mark = next((mark for mark in _BUDGET_MARKS if spent * 100 >= mark * self._otp_budget.most), 0)
        if mark > self._budget_mark:
            _log.warning("much of the day's budget of codes is spent", count=spent, state=f"{mark} %")
        self._budget_mark = mark

    async def login(self, email: str, address: str, approved_device: str | None) -> None:
        for limit, key in self._of_login(email, address, approved_device):
            await self._counters.take(limit, key)

    async def login_right(self, email: str, address: str, approved_device: str | None) -> None:
        for limit, key in self._of_login(email, address, approved_device):
            await self._counters.give_back(limit, key)

    def _of_login(self, email: str, address: str, approved_device: str | None) -> list[tuple[Limit, str]]:
        """A person's approved device has a count of its own: whoever guesses elsewhere, even at the same address,
        cannot lock it out. From other devices, per person and address first: one place locks out that place only."""
        if approved_device is not None:
            return [(self._login_device, f"{email} {approved_device}")]
        return [
            (self._login_place, f"{email} {address}"),
            (self._login_email, email),
            (self._login_address, address),
        ]

    async def second_factor(self, user_id: str) -> None:
        await self._counters.take(self._second_factor, user_id)

    async def second_factor_right(self, user_id: str) -> None:
        await self._counters.give_back(self._second_factor, user_id)

    async def service_token(self, service: str, address: str) -> None:
        await self._counters.take(self._service, f"{service} {address}")

    async def service_token_right(self, service: str, address: str) -> None:
        await self._counters.give_back(self._service, f"{service} {address}")

    async def bootstrap(self, address: str) -> None:
        await self._counters.take(self._bootstrap, address)

    async def bootstrap_right(self, address: str) -> None:
        await self._counters.give_back(self._bootstrap, address)
