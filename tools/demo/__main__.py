"""`python -m tools.demo`: the clinic's day, for a person at a terminal or (`DEMO_JSON=path`) as a report."""

import json
import os
import statistics
import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tools.demo.play import Played, confirmation, play
from tools.demo.story import STEPS, Day
from tools.gateway_client import Gateway, Refused
from tools.platform.settings import run_dir_from
from tools.seed.__main__ import seeded

_WIDTH = max(len(step.title) for step in STEPS)


def main() -> int:
    """0 when every step came out as it should."""
    console = Console(highlight=False)
    try:
        console.print("\n[bold]A clinic's day[/bold]\n")
        seed = seeded()
        console.print()
        day = Day(Gateway(seed["gateway"], seed["sandbox"]), seed)
        played = _play(console, day)
        arrived = confirmation(day) if all(step.ok for step in played) else None
    except Refused as refused:
        console.print(f"[red]The demo stopped:[/red] {refused}", soft_wrap=True)
        return 1
    complete = len(played) == len(STEPS) and all(step.ok for step in played)
    _summary(console, day, played, arrived)
    _report(day, played, arrived, complete)
    return 0 if complete else 1


def _play(console: Console, day: Day) -> list[Played]:
    played: list[Played] = []
    spans = run_dir_from(os.environ) / "spans"
    status = console.status("") if console.is_terminal else None
    for step, done in play(day, spans):
        if done is None:
            if status is not None:
                status.update(f"{step.title} ...")
                status.start()
            continue
        if status is not None:
            status.stop()
        played.append(done)
        _show(console, done)
    return played


def _show(console: Console, step: Played) -> None:
    mark = "[green]ok[/green]" if step.ok else "[red]no[/red]"
    console.print(f" {mark}  [bold]{step.title:<{_WIDTH}}[/bold]  {step.told}", soft_wrap=True)
    events = f"  -> {' '.join(step.events)}" if step.events else ""
    console.print(
        f"     [dim]{step.call}  {step.status}  {step.latency_ms:.0f} ms[/dim][cyan]{events}[/cyan]", soft_wrap=True
    )


def _summary(console: Console, day: Day, played: list[Played], arrived: tuple[str, float] | None) -> None:
    if arrived is not None:
        console.print(Panel(arrived[0], title="On the patient's phone", expand=False))
    latencies = [step.latency_ms for step in played]
    table = Table(title="Summary", show_header=False, title_justify="left")
    table.add_row("Steps", f"{sum(step.ok for step in played)} of {len(STEPS)} as they should be")
    if latencies:
        table.add_row("Latency", f"median {statistics.median(latencies):.0f} ms, slowest {max(latencies):.0f} ms")
    table.add_row("Events", str(sum(len(step.events) for step in played)))
    table.add_row("API and docs", f"{day.gateway.url}/docs")
    table.add_row("The patients' phones", day.gateway.sandbox)
    booked = next((step for step in played if step.title == "Patient books"), None)
    if booked is not None:
        table.add_row("The booking's way", f"make trace R={booked.request_id}")
    table.add_row("Logins", "in .run/seed.json")
    table.add_row("Stop it all", "make down")
    console.print(table)


def _report(day: Day, played: list[Played], arrived: tuple[str, float] | None, complete: bool) -> None:
    path = os.environ.get("DEMO_JSON")
    if not path:
        return
    report = {
        "ok": complete,
        "gateway": day.gateway.url,
        "sandbox": day.gateway.sandbox,
        "docs": f"{day.gateway.url}/docs",
        "clinic_id": day.seed["clinic_id"],
        "steps": [step.as_json() for step in played],
        "confirmation": None if arrived is None else {"text": arrived[0], "after_s": round(arrived[1], 3)},
    }
    Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
