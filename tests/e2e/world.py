"""The running platform in a test's hands: its addresses, its processes, and clients of its clinics."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from libs.common.ids import new_id
from tools.gateway_client import Gateway
from tools.platform.state import PlatformState, RunDir

RECOVERS_WITHIN = 60.0


async def until(check: Callable[[], Awaitable[Any]], what: str, within: float = RECOVERS_WITHIN) -> Any:
    """Ask again and again until the answer is true, and return it."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        found = await check()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within {within:.0f} s: {what}")


class World:
    """A platform of this test run."""

    def __init__(self, state: PlatformState, folder: Path) -> None:
        given = os.environ.get("CLINIC_TEST_RUN_DIR")
        self.run_dir = Path(given) if given else folder
        self.gateway = state.gateway
        self.sandbox = state.sandbox
        self._run = RunDir(self.run_dir)

    def url_of(self, process: str) -> str:
        return self.state.processes[process].url

    def send_signal(self, process: str, number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP, SIGCONT: what chaos is made of."""
        pid = self.state.processes[process].pid
        assert pid is not None
        os.kill(pid, number)

    async def wait_until_ready(self) -> None:
        """Everything is up again, and each process says so itself."""

        async def ready() -> bool:
            async with httpx.AsyncClient(timeout=2.0) as client:
                processes = [p for p in self.state.processes.values() if p.kind in ("api", "worker", "gateway")]
                return all([await _answers(client, f"{process.url}/readyz") for process in processes])

        await until(ready, "every process is ready")

    @property
    def state(self) -> PlatformState:
        """As the platform tells it now."""
        state = self._run.read()
        assert state is not None
        return state


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


class Clinic:
    """A seeded clinic: tokens of its people, and the short way to do things."""

    def __init__(self, world: World, seed: Any) -> None:
        self.world = world
        self.seed = seed
        self.http = httpx.AsyncClient(base_url=world.gateway, timeout=60.0, limits=httpx.Limits(max_connections=250))
        self._blocking = Gateway(world.gateway, world.sandbox)
        self._tokens: dict[str, str] = {}
        self._given_out: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def token(self, role: str) -> str:
        """A staff member's token; kept, since logins are limited and tokens live 15 minutes."""
        if role not in self._tokens:
            self._tokens[role] = await asyncio.to_thread(self._blocking.login, self.seed["staff"][role])
        return self._tokens[role]

    async def patient_token(self, number: int) -> str:
        phone = self.seed["patients"][number]["phone"]
        if phone not in self._tokens:
            self._tokens[phone] = await asyncio.to_thread(self._blocking.patient_login, phone)
        return self._tokens[phone]

    def patient_id(self, number: int) -> str:
        return str(self.seed["patients"][number]["id"])

    @property
    def doctor_id(self) -> str:
        return str(self.seed["doctors"][0]["id"])

    async def call(
        self, method: str, path: str, token: str | None = None, *, key: str | None = None, **request: Any
    ) -> httpx.Response:
        headers = dict(request.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = new_id("key") if key == "new" else key
        return await self.http.request(method, path, headers=headers, **request)

    async def free_slot(self) -> str:
        """A free slot from tomorrow on that no other test was given."""
        params = {
            "doctor_id": self.doctor_id,
            "from": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
            "status": "FREE",
            "limit": 200,
        }
        page = (await self.call("GET", "/slots", await self.token("front_desk"), params=params)).json()
        slot = next(item["slot_id"] for item in page["items"] if item["slot_id"] not in self._given_out)
        self._given_out.add(slot)
        return str(slot)

    async def try_to_book(
        self, slot_id: str, patient: int = 0, *, token: str | None = None, key: str = "new", **more: Any
    ) -> httpx.Response:
        body = {"slot_id": slot_id, "patient_id": self.patient_id(patient), **more}
        token = token or await self.token("front_desk")
        return await self.call("POST", "/appointments/request", token, key=key, json=body)

    async def book(self, patient: int = 0) -> dict[str, Any]:
        answer = await self.try_to_book(await self.free_slot(), patient)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def messages_to(self, patient: int) -> list[dict[str, Any]]:
        phone = self.seed["patients"][patient]["phone"]
        return await asyncio.to_thread(self._blocking.messages, phone)
