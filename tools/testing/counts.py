"""How many tests passed and failed, read from the closing line of pytest."""

import re
from dataclasses import dataclass

FAILING = ("failed", "error", "errors")


@dataclass(frozen=True)
class Counts:
    """A sum of test outcomes."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def counts_of(output: str, exit_code: int) -> Counts:
    """Pytest's counts; a run that failed without a failed test (nothing collected, a crash) counts as one failure."""
    closing = next((line for line in reversed(output.splitlines()) if re.search(r" in [\d.]+s", line)), "")
    found = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", closing)}
    failed = sum(found.get(word, 0) for word in FAILING)
    if exit_code != 0 and failed == 0:
        failed = 1
    return Counts(found.get("passed", 0) + found.get("xfailed", 0), failed, found.get("skipped", 0))
