"""Schemas and examples of events as files, so that a change of the contract is seen, and a breaking one is refused."""

from pathlib import Path
from typing import Any

import orjson

from libs.common.messaging.events import Event

HERE = Path(__file__).resolve().parent
_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def name_of(event: type[Event]) -> str:
    """`scheduling.APPOINTMENT_CONFIRMED.v1`: the name of its files."""
    return f"{event.publisher}.{event.type}.v{event.version}"


def schema_file(event: type[Event]) -> Path:
    return HERE / "schemas" / f"{name_of(event)}.json"


def example_file(event: type[Event]) -> Path:
    return HERE / "examples" / f"{name_of(event)}.json"


def example(event: type[Event]) -> dict[str, Any]:
    """The payload that stands for all others: publishers emit its like, consumers handle it."""
    data: dict[str, Any] = orjson.loads(example_file(event).read_bytes())
    return data


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What in `new` (JSON schema) would break a reader or a writer of `old`."""
    before, after = old.get("properties", {}), new.get("properties", {})
    broken = [f"{name} was removed" for name in before if name not in after]
    broken += [
        f"{name} changed its type" for name in before if name in after and _shape(before[name]) != _shape(after[name])
    ]
    newly_required = set(new.get("required", [])) - set(old.get("required", []))
    broken += [f"{name} became required" for name in sorted(newly_required)]
    return broken


def write_snapshot(event: type[Event]) -> None:
    """Take the present schema down. Refuses a breaking change: that is a new version beside the old one."""
    file, schema = schema_file(event), event.model_json_schema(mode="serialization")
    if file.exists():
        broken = breaking_changes(orjson.loads(file.read_bytes()), schema)
        if broken:
            raise ValueError(f"{name_of(event)}: {'; '.join(broken)}. Make it v{event.version + 1} beside this one")
    file.write_bytes(orjson.dumps(schema, option=_PRETTY | orjson.OPT_SORT_KEYS))


def _shape(part: Any) -> Any:
    """A property without its words: titles, descriptions and defaults may change."""
    if isinstance(part, dict):
        return {key: _shape(value) for key, value in part.items() if key not in ("title", "description", "default")}
    if isinstance(part, list):
        return [_shape(item) for item in part]
    return part
