"""The base of request bodies: JSON is taken as it is written, nothing is made to fit.

Pydantic's own `strict` would refuse dates and enumerations as well: what it gets to see is no JSON any more.
"""

import re
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_ZONE = r"([Zz]|[+-]\d{2}:\d{2})?"  # whether there must or must not be one, a field says itself
_FORMS = {
    "datetime": (r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?" + _ZONE, "2026-12-01T09:30:00+05:30"),
    "date": (r"\d{4}-\d{2}-\d{2}", "2026-12-01"),
    "time": (r"\d{2}:\d{2}(:\d{2}(\.\d+)?)?" + _ZONE, "09:30"),
}
_STRICT = frozenset({"bool", "int", "float"})
_NOT_SCHEMAS = frozenset({"metadata", "serialization", "default"})


def _in_form(pattern: "re.Pattern[str]", example: str, value: Any) -> Any:
    if isinstance(value, int | float) or (isinstance(value, str) and not pattern.fullmatch(value)):
        raise PydanticCustomError("not_rfc3339", "Send a text such as {example}", {"example": example})
    return value


_RFC3339 = {kind: partial(_in_form, re.compile(form), example) for kind, (form, example) in _FORMS.items()}


def _as_written(schema: Any) -> Any:
    """The same schema with strict booleans and numbers, and a look at the text of a time before it is read."""
    if isinstance(schema, list | tuple):
        return type(schema)(_as_written(inner) for inner in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "function-before" and schema["function"]["function"] in _RFC3339.values():
        return schema
    same = {key: inner if key in _NOT_SCHEMAS else _as_written(inner) for key, inner in schema.items()}
    if kind in _STRICT:
        same["strict"] = True
    if kind in _RFC3339:
        return core_schema.no_info_before_validator_function(_RFC3339[kind], same)
    return same


class Body(BaseModel):
    """Requests say what they mean and nothing else: no unknown field, no "yes" for true, no "12" for 12, no seconds
    since 1970 for a time. A model inside of one must be a `Body` too."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = _as_written(handler(source))
        return schema
