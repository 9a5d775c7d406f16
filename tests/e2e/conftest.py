"""The whole platform on free ports, with two clinics seeded through the public API."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.world import Clinic, World
from tools.gateway_client import Gateway
from tools.platform.control import isolated_platform
from tools.platform.keys import Keys
from tools.seed.clinic import open_clinic


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Started once; a test that breaks a part waits until it works again."""
    folder = Path(tmp_path_factory.mktemp("platform"))
    with isolated_platform(folder) as state:
        yield World(state, folder)


@pytest.fixture(scope="session")
def seeds(world: World) -> list[dict[str, object]]:
    gateway = Gateway(world.gateway, world.sandbox)
    keys = Keys.load(world.run_dir / "keys")
    names = ("First Clinic", "Second Clinic")
    return [open_clinic(gateway, name, keys.bootstrap_token, lambda _line: None) for name in names]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def clinic(world: World, seeds: list[dict[str, object]]) -> AsyncIterator[Clinic]:
    async with Clinic(world, seeds[0]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def other_clinic(world: World, seeds: list[dict[str, object]]) -> AsyncIterator[Clinic]:
    async with Clinic(world, seeds[1]) as opened:
        yield opened
