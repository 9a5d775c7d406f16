"""`make trace R=<request id>`: draws one request's way through gateway, services, queue and consumers.

python -m tools.trace req_01j9zqk5w0e5ta3m3w2x0v6h7c
python -m tools.trace --last
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from libs.common.telemetry.span_store import StoredSpan, latest_request, spans_of_request
from tools.platform.settings import run_dir_from

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")
_PLAIN_WIDTH = 120


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.trace", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("request_id", nargs="?", help="as in X-Request-ID and in problem documents; or a trace id")
    parser.add_argument("--last", action="store_true", help="the request that came in last")
    parser.add_argument("--dir", type=Path, default=run_dir_from(os.environ) / "spans", help="where spans are stored")
    given = parser.parse_args(arguments)
    if given.last == (given.request_id is not None):
        parser.error("give a request id, or --last")

    request_id = latest_request(given.dir) if given.last else given.request_id
    spans = spans_of_request(given.dir, request_id) if request_id else []
    if not spans:
        print(_why_nothing(given.dir, request_id), file=sys.stderr)
        return 1
    console = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
    draw(spans, console)
    return 0


def draw(spans: Sequence[StoredSpan], console: Console) -> None:
    """Print the spans as a tree with a bar each, on one time scale."""
    begin = min(span.start_ns for span in spans)
    end = max(span.end_ns for span in spans)
    services = list(dict.fromkeys(span.service for span in spans))
    colours = {service: _COLOURS[index % len(_COLOURS)] for index, service in enumerate(services)}
    failed = sum(span.failed for span in spans)

    request_ids = dict.fromkeys(str(span.attributes["request_id"]) for span in spans if "request_id" in span.attributes)
    console.print(Text(f"request {', '.join(request_ids) or 'unknown'}", style="bold"))
    console.print(
        Text(
            f"trace {spans[0].trace_id} · {_ms(end - begin)} · {len(spans)} spans in {len(services)} services"
            + (f" · {failed} failed" if failed else "")
        )
    )
    width = max(20, console.width - 80)
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("service", no_wrap=True, max_width=20)
    table.add_column("span", no_wrap=True, max_width=44)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column(f"0 … {_ms(end - begin)}", no_wrap=True, width=width)
    for span, depth in _tree(spans):
        colour = "red" if span.failed else colours[span.service]
        table.add_row(
            Text(span.service, style=colours[span.service]),
            Text("  " * depth + _label(span), style="red" if span.failed else ""),
            f"{(span.end_ns - span.start_ns) / 1e6:.1f}",
            Text(_bar(span, begin, end, width), style=colour),
        )
    console.print(table)


def _tree(spans: Sequence[StoredSpan]) -> Iterator[tuple[StoredSpan, int]]:
    """Each span below its parent, in order of time; a span whose parent was not stored stands at the left."""
    known = {span.span_id for span in spans}
    children: dict[str | None, list[StoredSpan]] = defaultdict(list)
    for span in spans:
        children[span.parent_id if span.parent_id in known else None].append(span)

    def below(parent_id: str | None, depth: int) -> Iterator[tuple[StoredSpan, int]]:
        for span in sorted(children[parent_id], key=lambda child: child.start_ns):
            yield span, depth
            yield from below(span.span_id, depth + 1)

    return below(None, 0)


def _label(span: StoredSpan) -> str:
    outcome = span.attributes.get("error.type") or span.attributes.get("http.response.status_code")
    return f"{span.name} → {outcome}" if outcome else span.name


def _bar(span: StoredSpan, begin: int, end: int, width: int) -> str:
    scale = width / max(1, end - begin)
    offset = min(width - 1, int((span.start_ns - begin) * scale))
    length = max(1, min(width - offset, round((span.end_ns - span.start_ns) * scale)))
    return " " * offset + "█" * length


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"


def _why_nothing(folder: Path, request_id: str | None) -> str:
    if not any(folder.glob("*.jsonl")):
        return f"There are no spans in {folder}: is the platform running, with SPANS_DIR set to it?"
    if request_id is None:
        return f"There is no request among the spans in {folder} yet"
    return (
        f"There is no span of {request_id} in {folder}. Spans are written within a second; a request that was not"
        " sampled has none: send it with `X-Trace: 1`, or raise TRACE_SAMPLE_RATIO."
    )


if __name__ == "__main__":
    sys.exit(main())
