"""Shows a platform starting: a live table on a terminal, a line per event elsewhere."""

import time
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tools.platform.state import PlatformState, ProcessState

POLL_SECONDS = 0.1
STYLES = {"waiting": "dim", "starting": "yellow", "ready": "green", "down": "red", "stopped": "dim"}
Look = Callable[[], PlatformState | None]


def watch(look: Look, console: Console, until: Callable[[PlatformState | None], bool]) -> None:
    """Show what `look` sees, until `until` says of it that this is enough."""
    if console.is_terminal:
        _watch_live(look, console, until)
    else:
        _watch_plain(look, console, until)


def _watch_live(look: Look, console: Console, until: Callable[[PlatformState | None], bool]) -> None:
    spinner = Spinner("dots", "starting the platform")
    with Live(spinner, console=console, refresh_per_second=10, transient=True) as live:
        while not until(state := look()):
            if state:
                live.update(Group(spinner, table_of(state)))
            time.sleep(POLL_SECONDS)


def _watch_plain(look: Look, console: Console, until: Callable[[PlatformState | None], bool]) -> None:
    shown: set[str] = set()
    while True:
        state = look()
        for name, process in state.processes.items() if state else ():
            if process.status == "ready" and name not in shown:
                shown.add(name)
                console.print(f"  ready  {name:<22} {process.ready_after_seconds or 0:5.1f} s  {process.url}")
        if until(state):
            return
        time.sleep(POLL_SECONDS)


def table_of(state: PlatformState) -> Table:
    """The processes of a platform, one line each."""
    columns = ("process", "status", "took", "address", "restarts")
    table = Table(*columns, box=None, padding=(0, 2), header_style="dim")
    for name, process in state.processes.items():
        status = Text(process.status, style=STYLES.get(process.status, ""))
        table.add_row(name, status, _took(process), process.url, str(process.restarts or ""))
    for variable, url in state.external.items():
        table.add_row(variable, Text("yours", style="cyan"), "", url.rsplit("@", 1)[-1], "")
    return table


def _took(process: ProcessState) -> str:
    return "" if process.ready_after_seconds is None else f"{process.ready_after_seconds:.1f} s"


def summary_of(state: PlatformState) -> str:
    """What a person wants to know when it is up."""
    return (
        f"The platform is up: {len(state.processes)} processes, ready in {state.ready_after_seconds:.0f} s, "
        f"{state.rss_mib} MiB of memory.\n"
        f"  gateway   {state.gateway}  (docs: {state.gateway}/docs)\n"
        f"  sandbox   {state.sandbox}  (the messages that were sent)\n"
        "  make logs S=<service> · make trace R=<request id> · make down"
    )
