"""Texts, one per purpose, language and channel, with named gaps such as `{doctor}`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from services.notifications.domain.purposes import RULES, Channel, Purpose

FALLBACK_LANGUAGE = "en"
CODE_GAP = "code"
_GAP = re.compile(r"\{(\w+)\}")
_LINK = re.compile(r"\S*(?:://|www\.)\S*", re.IGNORECASE)
_DLT_VALUE_LENGTH = 30


class Template(BaseModel):
    """`id` is what the vendor registered the text under: a DLT id for SMS, a name for WhatsApp and mail.

    `authentication`: one of Meta's category for login codes. Its only gap is the code, which a button copies.
    """

    model_config = ConfigDict(frozen=True)

    purpose: Purpose
    language: str
    channel: Channel
    id: str
    text: str
    subject: str | None = None
    authentication: bool = False

    @property
    def gaps(self) -> tuple[str, ...]:
        """The names in the order they first appear; WhatsApp numbers them so."""
        return tuple(dict.fromkeys(_GAP.findall(self.text)))

    def filled(self, values: Mapping[str, str]) -> str:
        return self._with(lambda gap: values[gap])

    @property
    def for_dlt(self) -> str:
        """As it is registered with the operators."""
        return self._with(lambda _gap: "{#var#}")

    @property
    def for_whatsapp(self) -> str:
        """As it is registered with Meta."""
        return self._with(lambda gap: f"{{{{{self.gaps.index(gap) + 1}}}}}")

    def _with(self, fill: Callable[[str], str]) -> str:
        return _GAP.sub(lambda found: fill(found.group(1)), self.text)


class TemplateBook:
    """All texts. Making one fails when a purpose lacks a text on a channel of its plan."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._by_use = {(t.purpose, t.channel, t.language): t for t in templates}
        for purpose, rules in RULES.items():
            for channel in rules.plan:
                if (purpose, channel, FALLBACK_LANGUAGE) not in self._by_use:
                    raise ValueError(f"{purpose}: no text in {FALLBACK_LANGUAGE} for {channel}")

    def __iter__(self) -> Iterator[Template]:
        return iter(self._by_use.values())

    def text_for(self, purpose: Purpose, channel: Channel, language: str) -> Template:
        """The text in that language (`hi`, also written `hi-IN`), else in English."""
        spoken = language.partition("-")[0].lower()
        found = self._by_use.get((purpose, channel, spoken))
        return found or self._by_use[purpose, channel, FALLBACK_LANGUAGE]


def fitting(value: str) -> str:
    """A value that every vendor takes: one line, 1 to 30 characters, and no link that somebody wrote in a name."""
    plain = " ".join(_LINK.sub(" ", value).split())
    return plain[:_DLT_VALUE_LENGTH].rstrip() or "-"
