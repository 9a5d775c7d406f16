"""What a run says: one line per measured goal, as a table for people and as JSON for machines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """A figure beside its target. `details` says how it came about: the figures that were compared."""

    goal: int
    measured: str
    figure: float
    target: float
    unit: str = "x"
    at_least: bool = False
    details: str = ""

    @property
    def met(self) -> bool:
        return self.figure >= self.target if self.at_least else self.figure <= self.target


def show(results: Sequence[Result], console: Console) -> None:
    """A table on a terminal, plain lines anywhere else."""
    if not console.is_terminal:
        for result in results:
            console.print(" | ".join((*_row(result), result.details)), soft_wrap=True, markup=False, highlight=False)
        return
    table = Table("Goal", "Measured", "Figure", "Target", "Met", "How")
    for result in results:
        table.add_row(*_row(result), result.details, style=None if result.met else "yellow")
    console.print(table)


def save(results: Sequence[Result], machine: str, seconds: float, path: Path) -> None:
    """For CI, which compares ratios, and for whoever fills in docs/performance.md."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{**asdict(result), "met": result.met} for result in results]
    document = {"machine": machine, "seconds": round(seconds), "results": lines}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))  # infinity becomes null


def _row(result: Result) -> tuple[str, str, str, str, str]:
    bound = ">=" if result.at_least else "<="
    return (
        str(result.goal),
        result.measured,
        _figure(result.figure, result.unit),
        f"{bound} {_figure(result.target, result.unit)}",
        "yes" if result.met else "NO",
    )


def _figure(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number}{unit}" if unit == "x" else f"{number} {unit}".strip()
