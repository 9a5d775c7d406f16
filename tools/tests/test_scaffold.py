"""A service made by `make new-service` stands where every service stands, and works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.platform.settings import CHECKOUT
from tools.scaffold.__main__ import Refused, scaffold, tidy

SHARED = (
    *("libs", "tests/architecture", "tests/__init__.py", "services/__init__.py"),
    *("conftest.py", "pyproject.toml", ".importlinter"),
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has the kernel, the rules, and one new service."""
    for path in SHARED:
        source, target = CHECKOUT / path, tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for package in ("gateway", "sandbox", "tools", "bench"):  # the import rules speak of them
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    scaffold("lab_orders", tmp_path)
    tidy(tmp_path, "lab_orders")
    return tmp_path


def run(checkout: Path, program: str, *arguments: str) -> None:
    command = [str(Path(sys.executable).parent / program), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_new_service_keeps_the_rules_and_passes_its_tests(checkout: Path) -> None:
    run(checkout, "ruff", "check", "services/lab_orders")
    run(checkout, "ruff", "format", "--check", "services/lab_orders")
    run(checkout, "mypy", "services/lab_orders")
    run(checkout, "lint-imports", "--no-cache")
    run(checkout, "pytest", "-q", "-p", "no:cacheprovider", "services/lab_orders")
    run(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture", "-k", "lab_orders")


@pytest.mark.parametrize("name", ["", "Lab", "lab-orders", "lab orders", "_lab", "../lab", "1lab"])
def test_a_name_that_is_no_python_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no name for a service"):
        scaffold(name, tmp_path)


def test_an_existing_service_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "services" / "billing").mkdir(parents=True)
    with pytest.raises(Refused, match="there is a service billing already"):
        scaffold("billing", tmp_path)
