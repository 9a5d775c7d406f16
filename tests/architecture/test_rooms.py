"""Every service has the same rooms, under the same names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/main.py"))

FILES = {
    "README.md", "pyproject.toml", "__init__.py", "main.py", "worker.py", "bootstrap.py", "settings.py",
    "permissions.py", "api/access.py", "api/schemas.py", "use_cases/ports.py", "use_cases/queries.py",
    "domain/errors.py", "persistence/documents.py", "persistence/repositories.py", "tests/conftest.py",
    "tests/builders.py", "tests/component/test_access.py", "tests/component/test_contracts.py",
}  # fmt: skip
ROOMS = {"api", "use_cases", "domain", "persistence", "tests", "consumers", "jobs", "adapters"}
SAYS_NOTHING = {"utils.py", "helpers.py", "manager.py", "misc.py", "service.py", "common.py", "util.py", "helper.py"}
LONGEST_FILE = 300


def _python_files() -> list[Path]:
    folders = ("libs", "services", "gateway", "sandbox", "tools", "bench", "tests")
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def test_there_are_services() -> None:
    assert len(SERVICES) >= 5


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_has_every_file_a_reader_looks_for(service: Path) -> None:
    assert [name for name in sorted(FILES) if not (service / name).is_file()] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_has_no_other_kinds_of_room(service: Path) -> None:
    rooms = {path.name for path in service.iterdir() if path.is_dir() and path.name != "__pycache__"}
    shelves = {"templates"}  # data files
    assert rooms - ROOMS - shelves == set()


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_room_with_consumers_says_on_one_page_what_it_listens_to(service: Path) -> None:
    if (service / "consumers").is_dir():
        assert (service / "consumers" / "subscriptions.py").is_file()
    if (service / "jobs").is_dir():
        assert (service / "jobs" / "schedule.py").is_file()


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_depends_on_what_it_lists_and_is_no_package(service: Path) -> None:
    text = (service / "pyproject.toml").read_text()
    assert "package = false" in text
    assert f'name = "{service.name}"' in text


def test_no_file_has_a_name_that_explains_nothing() -> None:
    assert [str(file.relative_to(ROOT)) for file in _python_files() if file.name in SAYS_NOTHING] == []


def test_every_module_says_why_it_exists() -> None:
    mute = [file for file in _python_files() if not file.read_text().lstrip().startswith(('"""', "#!"))]
    assert [str(file.relative_to(ROOT)) for file in mute] == []


def test_files_stay_readable() -> None:
    """Tests may be half as long again: a file of them is read by looking one up."""
    long = {}
    for file in _python_files():
        lines, limit = len(file.read_text().splitlines()), LONGEST_FILE
        if lines > (limit * 1.5 if "tests" in file.parts else limit):
            long[str(file.relative_to(ROOT))] = lines
    assert long == {}


def test_nobody_saves_a_document_whole() -> None:
    """Beanie's `save()` is an upsert: it brings deleted documents back and forgets the revision."""
    files = [f for folder in ("libs", "services") for f in (ROOT / folder).rglob("*.py")]
    saved = re.compile(r"await [\w.()\[\]]+\.save\(")  # a repository's `save` only stages, and is not awaited
    assert [str(f.relative_to(ROOT)) for f in files if saved.search(f.read_text())] == []
