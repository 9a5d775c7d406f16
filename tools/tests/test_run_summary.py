"""What `make test` counts, and which stages it finds."""

from pathlib import Path

import pytest

from tools.testing.counts import Counts, counts_of
from tools.testing.stages import stages_of


@pytest.mark.parametrize(
    ("closing_line", "exit_code", "expected"),
    [
        ("41 passed in 3.20s", 0, Counts(41, 0)),
        ("1 failed, 3 passed, 2 skipped in 0.12s", 1, Counts(3, 1, 2)),
        ("2 passed, 1 error in 5.01s (0:00:05)", 1, Counts(2, 1)),
        ("1 xfailed, 2 passed, 3 warnings in 1.00s", 0, Counts(3, 0)),
        ("no tests ran in 0.01s", 5, Counts(0, 1)),
        ("ImportError while loading conftest", 4, Counts(0, 1)),
    ],
)
def test_outcomes_are_read_from_pytests_closing_line(closing_line: str, exit_code: int, expected: Counts) -> None:
    assert counts_of(f"....\n{closing_line}\n", exit_code) == expected


def test_the_last_line_says_what_ci_reads() -> None:
    assert str(Counts(3, 1) + Counts(4, 0)) == "7 passed, 1 failed"
    assert str(Counts(1, 0, 2)) == "1 passed, 0 failed, 2 skipped"


def test_stages_are_the_folders_with_tests_and_the_whole_platform_comes_last(tmp_path: Path) -> None:
    for folder in ("tests/e2e", "services/auth/tests", "services/new", "libs/common/mongo/tests", "gateway/tests"):
        (tmp_path / folder).mkdir(parents=True)
        if folder != "services/new":
            (tmp_path / folder / "test_it.py").touch()
    names = [stage.name for stage in stages_of(tmp_path)]
    assert names == ["check", "libs/common", "gateway", "services/auth", "tests/e2e"]
    assert [stage.name for stage in stages_of(tmp_path, only="auth")] == ["services/auth"]
