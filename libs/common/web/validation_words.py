"""What is wrong with a field, in words that say what to send instead; pydantic's own are for programmers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_WORDS = {
    "missing": "This is needed",
    "extra_forbidden": "There is no such field",
    "timezone_aware": "Add the zone, such as 2026-12-01T00:00:00+05:30",
    "bool_type": "Send true or false, without quotes",
    "int_type": "Send a whole number, without quotes",
    "float_type": "Send a number, without quotes",
    "model_attributes_type": "Send a JSON object",
}


def in_words(entry: Mapping[str, Any], route: object) -> str:
    """The sentence for one of pydantic's errors. A pattern is told by the field's description and example."""
    kind = entry["type"]
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "string_pattern_mismatch":
        return _form(_field_at(route, entry["loc"]))
    return str(entry["msg"]).removeprefix("Value error, ")


def _form(field: FieldInfo | None) -> str:
    hints = list(_hints(field))
    description = next((hint.description for hint in hints if hint.description), None)
    example = next((hint.examples[0] for hint in hints if hint.examples), None)
    words = "This is not in the right form"
    if description:
        words += f": {description[0].lower()}{description[1:]}"
    return f"{words}, such as {example}" if example is not None else words


def _hints(field: FieldInfo | None) -> Iterator[FieldInfo]:
    """The field itself and whatever its annotation carries: `Annotated[str, Field(...)] | None` hides it inside."""
    if field is not None:
        yield field
        yield from _inside(field.annotation)


def _inside(annotation: Any) -> Iterator[FieldInfo]:
    for argument in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        if isinstance(argument, FieldInfo):
            yield argument
        else:
            yield from _inside(argument)


def _field_at(route: object, loc: Sequence[int | str]) -> FieldInfo | None:
    """The declaration of the body's field or the parameter that an error is about; None when it is not found."""
    if not isinstance(route, APIRoute):
        return None
    if loc[0] != "body":
        parameters = [*route.dependant.path_params, *route.dependant.query_params, *route.dependant.header_params]
        return next((parameter.field_info for parameter in parameters if parameter.alias == loc[-1]), None)
    found = None if route.body_field is None else route.body_field.field_info
    for name in loc[1:]:
        model = None if found is None else _model_in(found.annotation)
        if isinstance(name, str) and model is not None:
            found = model.model_fields.get(name)
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or holds: `Address | None`, `list[Guardian]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument)) is not None), None)
