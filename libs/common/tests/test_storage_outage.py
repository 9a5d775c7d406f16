"""A database that goes away in the middle of things: the caller is told soon, and a repeat finds out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from libs.common.errors import Unavailable
from libs.common.ids import new_id
from libs.common.mongo import steps
from libs.common.mongo.once import Once
from libs.common.security.caller import Caller, Reach
from libs.common.testing.parts import MongoPart
from libs.common.tests.notebook import Note, NotebookTx, WriteNote, notebook, write_notes


@pytest.mark.parametrize("ill", ["killed", "frozen"])
async def test_a_transaction_caught_in_an_outage_is_given_up_soon(
    ill: str, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Caller(id=new_id("usr"), role="writer", kind="staff", clinic_id=new_id("cln"), reach=Reach.CLINIC)
    once = Once("http", new_id("key"), "body")
    async with MongoPart(tmp_path, sync_on_commit=True) as mongo, notebook(mongo.url, redis_url) as service:

        async def write_in_an_outage(command: WriteNote, tx: NotebookTx) -> list[Note]:
            mongo.freeze() if ill == "frozen" else mongo.kill()
            return await write_notes(command, tx)

        async def write(use_case: Any) -> Any:
            return await service.runtime.transact(use_case, WriteNote(titles=["a", "b"]), by=writer, once=once)

        began = asyncio.get_running_loop().time()
        with monkeypatch.context() as patched:
            patched.setattr(steps, "_TRANSACTION_SECONDS", 1.0)
            with pytest.raises(Unavailable) as told:
                await write(write_in_an_outage)
        assert asyncio.get_running_loop().time() - began < 4
        assert told.value.code == "storage_unavailable"
        if ill == "frozen":  # it keeps the half-done transaction until that lapses
            mongo.thaw()
            return
        await mongo.start()
        assert len(await write(write_notes)) == 2
        assert await service.runtime.db["notes"].count_documents({}) == 2
