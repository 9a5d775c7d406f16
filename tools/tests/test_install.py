"""`tools/install.py`: what it finds missing, and what it says to whom."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from tools import install


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is installed, and nobody set a server's url."""
    monkeypatch.setattr(shutil, "which", lambda program: "/usr/bin/apt-get" if program == "apt-get" else None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(install, "BOOTSTRAP", tmp_path / "bootstrap")
    monkeypatch.setattr(install, "RABBITMQ", tmp_path / "rabbitmq-server")
    for variable in ("REDIS_URL", "AMQP_URL"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_a_bare_debian_lacks_three_packages() -> None:
    assert install.missing_debian_packages() == ["redis-server", "rabbitmq-server", "python3-venv"]


@pytest.mark.usefixtures("bare_machine")
def test_servers_the_user_runs_elsewhere_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://cache.example/0")
    monkeypatch.setenv("AMQP_URL", "amqp://broker.example/")
    assert install.missing_debian_packages() == ["python3-venv"]


def test_without_root_it_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match="apt-get install --no-install-recommends redis-server rabbitmq-server"):
        install.install_debian_packages(["redis-server", "rabbitmq-server"])


def test_no_service_is_started_while_packages_are_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(install, "POLICY", policy)
    with install.no_service_starts():
        assert "exit 101" in policy.read_text()
        assert os.access(policy, os.X_OK)
    assert not policy.exists()

    policy.write_text("the administrator's own")
    with install.no_service_starts():
        pass
    assert policy.read_text() == "the administrator's own"


def test_a_changed_dependency_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "STAMP", tmp_path / ".installed")
    member = tmp_path / "services" / "auth" / "pyproject.toml"
    member.parent.mkdir(parents=True)
    for file in (tmp_path / "uv.lock", member):
        file.write_text("one")
    assert not install.is_installed()
    install.STAMP.write_text(install.fingerprint())
    assert install.is_installed()
    member.write_text("two")
    assert not install.is_installed()


def test_a_step_that_fails_shows_the_end_of_its_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "LOG", tmp_path / "log")
    with pytest.raises(SystemExit, match=r"(?s)no space left.*failed with code 3: sh"):
        install.run(["sh", "-c", "echo no space left; exit 3"], dict(os.environ))
