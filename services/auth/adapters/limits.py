"""How often what may be tried, on one page. What succeeds is not counted against anybody."""

from datetime import timedelta

from services.auth.adapters.counters import Counters, Limit
from services.auth.settings import AuthSettings

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Limits:
    """Each method counts an attempt and raises `TooManyAttempts`, or `LimitsUnavailable`, when it may not be made."""

    def __init__(self, counters: Counters, settings: AuthSettings) -> None:
        self._counters = counters
        self._otp_phone = Limit("otp_phone", settings.otp_per_phone_per_hour, _HOUR)
        self._otp_address = Limit("otp_address", settings.otp_per_address_per_hour, _HOUR)
        self._otp_budget = Limit("otp_budget", settings.otp_messages_per_day, _DAY)
        self._login_place = Limit("login_place", 10, 5 * _MINUTE)
        self._login_device = Limit("login_device", 10, 5 * _MINUTE)
        self._login_email = Limit("login_email", 100, _HOUR)
        self._login_address = Limit("login_address", settings.logins_per_address_per_hour, _HOUR)
        self._second_factor = Limit("second_factor", 10, 5 * _MINUTE)
        self._service = Limit("service", 30, _MINUTE)
        self._bootstrap = Limit("bootstrap", 10, _HOUR)

    async def otp_request(self, account_id: str, address: str) -> None:
        await self._counters.take(self._otp_phone, account_id)
        await self._counters.take(self._otp_address, address)
        await self._counters.take(self._otp_budget, "all")

    async def otp_right(self, account_id: str, address: str) -> None:
        """The phone is in the hands of whoever asked for the code; the message was sent all the same."""
        await self._counters.give_back(self._otp_phone, account_id)
        await self._counters.give_back(self._otp_address, address)

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
