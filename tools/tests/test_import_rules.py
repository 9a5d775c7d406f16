"""Each import rule of .importlinter refuses what it is there to refuse, and lets through what it should."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.platform.settings import CHECKOUT

ROOMS = ("api", "use_cases", "domain", "tests")
LINT = Path(sys.executable).parent / "lint-imports"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The packages the rules speak of, empty, with two services that have the rooms every service has."""
    shutil.copy(CHECKOUT / ".importlinter", tmp_path)
    services = [f"services/{name}" for name in ("auth", "billing")]
    rooms = [f"{service}/{room}" for service in services for room in ROOMS]
    kernel = ["libs", "libs/common", "libs/common/testing", "libs/contracts"]
    for package in [*kernel, "gateway", "gateway/tests", "sandbox", "tools", "bench", "services", *services, *rooms]:
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    for module in ("libs/common/ids.py", "services/auth/main.py", "services/auth/bootstrap.py"):
        (tmp_path / module).touch()
    return tmp_path


def lint(checkout: Path, imports: Iterable[tuple[str, str]]) -> tuple[int, str]:
    for module, imported in imports:
        file = checkout / (module.replace(".", "/") + ".py")
        file.write_text(f"import {imported}\n")
    done = subprocess.run([LINT, "--no-cache"], cwd=checkout, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_imports_down_the_rooms_are_fine(checkout: Path) -> None:
    code, output = lint(
        checkout,
        [
            ("services.auth.main", "services.auth.bootstrap"),
            ("services.auth.api.logins", "services.auth.use_cases"),
            ("services.auth.use_cases.log_in", "services.auth.domain"),
            ("services.auth.domain.user", "libs.common.ids"),
            ("services.auth.tests.test_it", "libs.common.testing"),
            ("gateway.tests.test_it", "libs.common.testing"),
            ("libs.contracts.auth", "libs.common.ids"),
        ],
    )
    assert code == 0, output


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("services.auth.use_cases.log_in", "services.billing"),
        ("services.auth.domain.user", "services.auth.use_cases"),
        ("services.auth.use_cases.log_in", "services.auth.api"),
        ("services.auth.api.logins", "services.auth.bootstrap"),
        ("libs.common.envelope", "libs.contracts"),
        ("libs.common.envelope", "services.auth"),
        ("libs.common.envelope", "bench"),
        ("libs.contracts.auth", "services.auth"),
        ("gateway.routes", "libs.contracts"),
        ("gateway.routes", "services.auth"),
        ("sandbox.sms", "libs.common.ids"),
        ("services.auth.use_cases.log_in", "libs.common.testing"),
        ("libs.common.web", "libs.common.testing"),
    ],
)
def test_imports_against_the_rules_are_refused(checkout: Path, module: str, imported: str) -> None:
    code, output = lint(checkout, [(module, imported)])
    assert code == 1, output
    assert f"{module} -> {imported}" in output
