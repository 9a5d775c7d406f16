"""docs/errors.md names every code that any route may answer with."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
import libs.common
from libs.common.errors import Misconfigured, Problem

_PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def _shared_problems() -> list[type[Problem]]:
    """Those of the gateway and of the kernel; a service's own are in its OpenAPI."""
    for package in (gateway, libs.common):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".test" not in module.name and not module.name.endswith(".main"):
                importlib.import_module(module.name)
    ours = [kind for kind in _kinds_of(Problem) if kind.__module__.startswith(("gateway.", "libs.common."))]
    return sorted(set(ours) - {Misconfigured}, key=lambda kind: kind.code)  # which is never an answer


def _kinds_of(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds_of(narrower)


@pytest.mark.parametrize("problem", _shared_problems(), ids=lambda problem: problem.code)
def test_its_code_is_documented(problem: type[Problem]) -> None:
    assert f"`{problem.code}`" in _PAGE
    assert f"| {problem.status} |" in _PAGE or f"; {problem.status} " in _PAGE or f", {problem.status} " in _PAGE
