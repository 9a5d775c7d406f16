"""What `make check` checks without running anything: style, types, and which package may import which."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.platform.settings import CHECKOUT

BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": [f"{BIN}/ruff", "check", "--quiet", "."],
    "ruff format": [f"{BIN}/ruff", "format", "--check", "--quiet", "."],
    "mypy --strict": [f"{BIN}/mypy", "--no-error-summary", "."],
    "import rules": [f"{BIN}/lint-imports"],
}


@dataclass(frozen=True)
class CheckResult:
    name: str
    ok: bool
    seconds: float
    output: str


def run_checks() -> Iterator[CheckResult]:
    """Run one check after the other; a result each."""
    for name, command in CHECKS.items():
        began = time.monotonic()
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        yield CheckResult(name, done.returncode == 0, time.monotonic() - began, done.stdout + done.stderr)


def main() -> None:
    failed = 0
    for result in run_checks():
        print(f"  {'ok    ' if result.ok else 'FAILED'}  {result.name:<16} {result.seconds:5.1f} s", flush=True)
        if not result.ok:
            failed += 1
            print(result.output)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
