"""Which stages a test run has: the checks, then every folder with tests, the whole platform last."""

import sys
from dataclasses import dataclass
from pathlib import Path

CHECK = "check"
E2E = "tests/e2e"
FOLDERS = ("libs/*", "gateway", "sandbox", "services/*", "tools", "tests/architecture", E2E)


@dataclass(frozen=True)
class Stage:
    """One line of the run; `name` is a folder of the checkout with tests in it, or CHECK."""

    name: str

    def pytest(self) -> list[str]:
        """The command that runs it."""
        return [sys.executable, "-m", "pytest", self.name, "--quiet", "--color=no"]


def stages_of(root: Path, only: str = "") -> list[Stage]:
    """The stages of the checkout whose name contains `only`, in running order."""
    folders = [folder for pattern in FOLDERS for folder in sorted(root.glob(pattern)) if _has_tests(folder)]
    names = [CHECK, *(str(folder.relative_to(root)) for folder in folders)]
    return [Stage(name) for name in names if only in name]


def _has_tests(folder: Path) -> bool:
    return any(folder.rglob("test_*.py"))
