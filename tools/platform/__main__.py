"""`python -m tools.platform up | down | status | logs`; `supervise` is what `up` starts."""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from libs.common.testing.parts import ProcessFailed
from tools.platform.control import POLL_SECONDS, SupervisorProcess, settled, stop_platform
from tools.platform.display import summary_of, table_of, watch
from tools.platform.logs import logs_of, show_logs
from tools.platform.settings import CHECKOUT, PlatformSettings, run_dir_from
from tools.platform.state import Phase, RunDir
from tools.platform.supervisor import Supervisor

ANOTHER_ONE_RUNS = 3

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
Root = Annotated[Path, typer.Option(help="The checkout whose services are started.")]
Foreground = Annotated[bool, typer.Option("--foreground", help="Stay, and stop it all with ctrl-C.")]


def _run_dir(root: Path) -> RunDir:
    return RunDir(run_dir_from(os.environ, root))


@app.command()
def up(root: Root = CHECKOUT, foreground: Foreground = False) -> None:
    """Start everything and return when it is ready."""
    run = _run_dir(root)
    if run.is_supervised():
        return _already_up(run)
    supervisor = SupervisorProcess(run, root, os.environ, attached=foreground)
    try:
        watch(supervisor.state, console, lambda state: settled(state) or supervisor.has_ended())
        state = supervisor.state()
        if state is None or state.phase != Phase.READY:
            return _already_up(run) if run.is_supervised() else _fail(supervisor.failure())
        console.print(summary_of(state))
        if foreground:
            _follow(supervisor)
    except KeyboardInterrupt:
        console.print("\nstopping ...")
        supervisor.stop()
        console.print("stopped; no process is left")
        raise typer.Exit(0 if foreground else 130) from None


def _already_up(run: RunDir) -> None:
    """A platform of this folder lives: wait until it is ready, should it still be starting, and say so."""
    if not settled(run.read()):
        watch(run.read, console, lambda state: settled(state) or not run.is_supervised())
    state = run.read()
    if state is None or state.phase != Phase.READY:
        _fail(f"another `make up` of {run.path} did not get it ready: {state and state.error}")
    console.print(f"Already running since {state.started_at.astimezone():%H:%M:%S}.")
    console.print(summary_of(state))


def _follow(supervisor: SupervisorProcess) -> None:
    """Tell what happens until the supervisor ends."""
    seen = supervisor.state()
    told = seen.notes[-1].at if seen and seen.notes else None
    console.print("Running; ctrl-C stops it all.")
    while not supervisor.has_ended():
        time.sleep(POLL_SECONDS)
        state = supervisor.state()
        for note in state.notes if state else ():
            if told is None or note.at > told:
                console.print(f"{note.at.astimezone():%H:%M:%S} {note.text}")
                told = note.at


def _fail(why: str) -> NoReturn:
    console.print(f"The platform did not start: {why}", style="red", markup=False)
    raise typer.Exit(1)


@app.command()
def down(root: Root = CHECKOUT) -> None:
    """Stop everything; no process is left."""
    try:
        was_running = stop_platform(_run_dir(root))
    except ProcessFailed as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    console.print("stopped; no process is left" if was_running else "nothing was running")


@app.command()
def status(root: Root = CHECKOUT) -> None:
    """What runs, where, and what happened; exit code 1 if nothing does."""
    run = _run_dir(root)
    state = run.read()
    if state is None or not run.is_supervised():
        console.print("nothing is running")
        raise typer.Exit(1)
    console.print(table_of(state))
    for note in state.notes[-10:]:
        console.print(f"{note.at.astimezone():%H:%M:%S} {note.text}", style="dim", markup=False)


@app.command()
def logs(name: Annotated[str, typer.Argument(help="A service or process; all without it.")] = "") -> None:
    """Show the logs; on a terminal, follow them until ctrl-C."""
    folder = RunDir(run_dir_from(os.environ)).logs
    files = logs_of(folder, name)
    if not files:
        known = ", ".join(file.stem for file in logs_of(folder, "")) or "none yet"
        console.print(f"there is no log of {name or 'anything'}; there are: {known}")
        raise typer.Exit(1)
    with contextlib.suppress(KeyboardInterrupt):
        show_logs(files, console, follow=console.is_terminal)


@app.command(hidden=True)
def supervise(root: Root = CHECKOUT) -> None:
    """Start everything, keep it up, and stop it on SIGTERM."""
    try:
        settings = PlatformSettings.from_environment(os.environ, root)
    except ProcessFailed as error:
        sys.exit(str(error))
    run = RunDir(settings.run_dir)
    with run.supervise() as ours:
        if not ours:
            sys.exit(ANOTHER_ONE_RUNS)
        sys.exit(asyncio.run(Supervisor(settings, run).run()))


if __name__ == "__main__":
    app()
