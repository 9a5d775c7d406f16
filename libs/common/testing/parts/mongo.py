"""SecantusDB, the embedded server that speaks MongoDB's wire protocol, as a process of its own."""

from pathlib import Path

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from libs.common.testing.parts.process import LocalProcess, NotReady, installed


class MongoPart(LocalProcess):
    """`sync_on_commit` keeps every acknowledged write across SIGKILL, at a tenth of the speed."""

    def __init__(
        self, folder: Path, *, port: int | None = None, log: Path | None = None, sync_on_commit: bool = False
    ) -> None:
        super().__init__("mongo", folder, port=port, log=log)
        self._sync_on_commit = sync_on_commit

    @property
    def url(self) -> str:
        """Without retryable writes: this server pays for them with a scan of its sessions on every write."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true&retryWrites=false"

    def command(self) -> list[str]:
        program = installed("secantusd-py", package="secantusdb")
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        durability = ["--sync-on-commit"] if self._sync_on_commit else []
        return [program, *address, "--storage-path", str(self.folder / "data"), *durability]

    async def probe(self) -> None:
        await ping_mongo(self.url)


async def ping_mongo(url: str) -> None:
    """NotReady unless a MongoDB-protocol server answers a ping."""
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url, serverSelectionTimeoutMS=1000)
    try:
        await client.admin.command("ping")
    except PyMongoError as error:
        raise NotReady(str(error)) from error
    finally:
        await client.close()
