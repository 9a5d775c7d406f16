"""Approved templates, and how their text reads on the person's phone."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.newest import Newest
from sandbox.whatsapp.errors import (
    PARAMETER_COUNT,
    PARAMETER_MISSING,
    TEMPLATE_TOO_LONG,
    TEMPLATE_UNKNOWN,
    GraphError,
)

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
MAX_TEXT = 1_024
KEPT = 1_000


class Fallback(BaseModel):
    """A value that Meta formats itself where it can (`currency`, `date_time`)."""

    fallback_value: str = Field(min_length=1, max_length=MAX_TEXT)


class Media(BaseModel):
    """A picture or document in a template's header."""

    link: str | None = None
    filename: str | None = None


class Parameter(BaseModel):
    """One value for one placeholder; exactly the part that its type names is read."""

    type: Literal["text", "currency", "date_time", "image", "document", "video", "payload", "coupon_code"]
    parameter_name: str | None = None
    text: str | None = Field(None, min_length=1, max_length=MAX_TEXT)
    currency: Fallback | None = None
    date_time: Fallback | None = None
    image: Media | None = None
    document: Media | None = None
    video: Media | None = None
    payload: str | None = None
    coupon_code: str | None = None

    @property
    def value(self) -> str:
        """What the person sees in the placeholder's place."""
        part = getattr(self, self.type)
        if isinstance(part, Fallback):
            return part.fallback_value
        if isinstance(part, Media):
            return part.filename or part.link or ""
        return part or ""


class Component(BaseModel):
    """The values of one part of a template; `sub_type` and `index` say which button."""

    type: Literal["header", "body", "button"]
    sub_type: Literal["url", "quick_reply", "copy_code"] | None = None
    index: int | None = Field(None, ge=0, le=9)
    parameters: list[Parameter] = Field([], max_length=50)


class Language(BaseModel):
    """A language such as `en` or `hi`."""

    code: str = Field(min_length=1, max_length=20)


class TemplateCall(BaseModel):
    """The `template` of a message."""

    name: str = Field(min_length=1, max_length=512)
    language: Language
    components: list[Component] = Field([], max_length=20)

    def parameters(self, *, of_body: bool) -> list[Parameter]:
        """The values for the body, or those for header and buttons, in order."""
        return [
            parameter
            for component in self.components
            if (component.type == "body") is of_body
            for parameter in component.parameters
        ]


class TemplateText(BaseModel):
    """An approved text with placeholders such as `{{1}}`. Of category `authentication`: with a button that copies."""

    model_config = ConfigDict(extra="forbid")

    body: str = Field(min_length=1, max_length=MAX_TEXT)
    category: Literal["utility", "authentication", "marketing"] = "utility"


class TemplateBook:
    """The newest texts that were registered with `PUT /whatsapp/templates/{name}/{language}`."""

    def __init__(self) -> None:
        self._texts: Newest[tuple[str, str], TemplateText] = Newest(KEPT)

    def register(self, name: str, language: str, text: TemplateText) -> None:
        """Approve a text with placeholders `{{1}}` or `{{name}}`, or replace it."""
        self._texts[name, language] = text

    def render(self, call: TemplateCall) -> str:
        """The text on the phone. Raises: GraphError 131008, 132000, 132001 or 132005 as Meta does."""
        text = self._texts.get((call.name, call.language.code))
        if text is None:
            raise GraphError(TEMPLATE_UNKNOWN, f"template name ({call.name}) does not exist in {call.language.code}")
        shown = _filled(text.body, call.parameters(of_body=True))
        if text.category == "authentication":
            _check_copy_button(call)
        others = (part.value for part in call.parameters(of_body=False))
        return "\n".join([shown, *(value for value in others if value not in shown)])


def _check_copy_button(call: TemplateCall) -> None:
    """Meta turns the button that copies a code into one of type URL, and wants the code for it once more."""
    code = [part.value for part in call.parameters(of_body=True)]
    buttons = [part for part in call.components if (part.type, part.sub_type, part.index) == ("button", "url", 0)]
    if [[part.value for part in button.parameters] for button in buttons] != [code]:
        raise GraphError(PARAMETER_MISSING, "buttons: Button at index 0 of type Url requires a parameter")


def _filled(text: str, parameters: list[Parameter]) -> str:
    names = list(dict.fromkeys(PLACEHOLDER.findall(text)))
    values = {part.parameter_name or str(place): part.value for place, part in enumerate(parameters, start=1)}
    if len(parameters) != len(names) or set(values) != set(names):
        raise GraphError(
            PARAMETER_COUNT,
            f"body: number of localizable_params ({len(parameters)}) does not match "
            f"the expected number of params ({len(names)})",
        )
    filled = PLACEHOLDER.sub(lambda match: values[match.group(1)], text)
    if len(filled) > MAX_TEXT:
        raise GraphError(TEMPLATE_TOO_LONG, f"body: {len(filled)} characters, allowed are {MAX_TEXT}")
    return filled
