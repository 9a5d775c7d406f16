"""`make logs`: the logs of a platform's processes, merged as they come, one readable line per entry."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

POLL_SECONDS = 0.2
LINES_BEFORE = 40
STYLES = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}
SAID_ELSEWHERE = ("timestamp", "level", "service", "event")


def logs_of(folder: Path, name: str) -> list[Path]:
    """The log files of a process and its worker (`scheduling`), of one process (`redis`), or of all (empty name)."""
    files = sorted(folder.glob("*.log"))
    return [file for file in files if not name or file.stem in (name, f"{name}-worker")]


def show_logs(files: list[Path], console: Console, *, follow: bool) -> None:
    """Print the last lines of each file, and with `follow` whatever comes after, until interrupted."""
    width = max(len(file.stem) for file in files)
    ends: dict[Path, int] = {}
    for file in files:
        lines = file.read_bytes().splitlines(keepends=True)
        ends[file] = sum(map(len, lines))
        for line in lines[-LINES_BEFORE:]:
            console.print(readable(file.stem.ljust(width), line))
    while follow:
        time.sleep(POLL_SECONDS)
        for file in files:
            for line in _new_lines(file, ends):
                console.print(readable(file.stem.ljust(width), line))


def _new_lines(file: Path, ends: dict[Path, int]) -> Iterator[bytes]:
    """The complete lines written since the last look; a file that was started anew is read from its beginning."""
    if file.stat().st_size < ends[file]:
        ends[file] = 0
    with file.open("rb") as log:
        log.seek(ends[file])
        for line in log:
            if not line.endswith(b"\n"):
                return
            ends[file] += len(line)
            yield line


def readable(process: str, line: bytes) -> Text:
    """A structured entry as `time process event key=value ...`, anything else as it is."""
    try:
        entry = json.loads(line)
        when, level, event = entry["timestamp"], entry["level"], entry["event"]
    except (ValueError, KeyError, TypeError):
        return Text(f"{process}  {line.decode(errors='replace').rstrip()}")
    text = Text(f"{when[11:23]} ", style="dim")
    text.append(f"{process}  ", style="cyan")
    text.append(event, style=STYLES.get(level, "bold"))
    for name, value in entry.items():
        if name not in SAID_ELSEWHERE:
            text.append(f"  {name}=", style="dim")
            text.append(str(value))
    return text
