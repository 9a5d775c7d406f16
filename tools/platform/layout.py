"""Which processes a checkout has: each folder of services/ with a main.py, the gateway, the sandbox."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """`services` in starting order: auth first, as the others ask it for keys."""

    services: tuple[str, ...]
    workers: frozenset[str]
    gateway: bool
    sandbox: bool


def discover(root: Path) -> Layout:
    """The layout of the checkout at `root`."""
    services = [main.parent for main in (root / "services").glob("*/main.py")]
    services.sort(key=lambda folder: (folder.name != "auth", folder.name))
    return Layout(
        services=tuple(folder.name for folder in services),
        workers=frozenset(folder.name for folder in services if (folder / "worker.py").exists()),
        gateway=(root / "gateway" / "main.py").exists(),
        sandbox=(root / "sandbox" / "main.py").exists(),
    )
