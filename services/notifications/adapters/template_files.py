"""Read the texts from their files, and refuse to start with one that says something it has no value for."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from services.notifications.domain.purposes import Channel, Purpose
from services.notifications.domain.template import CODE_GAP, Template, TemplateBook


class TemplateFileInvalid(ValueError):
    """A file of texts does not fit its declaration; says which and why."""


def read_templates(folder: Path) -> TemplateBook:
    """One file per purpose, `<purpose>.toml`: `gaps = [...]`, then `[<language>.<channel>]` with id and text."""
    return TemplateBook(template for purpose in Purpose for template in _of_file(folder / f"{purpose}.toml", purpose))


def _of_file(path: Path, purpose: Purpose) -> Iterator[Template]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    declared = set(content.pop("gaps"))
    for language, channels in content.items():
        for channel, text in channels.items():
            template = Template(purpose=purpose, language=language, channel=Channel(channel), **text)
            wanted = {CODE_GAP} if template.authentication else declared
            if set(template.gaps) != wanted:
                odd = ", ".join(sorted(set(template.gaps) ^ wanted))
                raise TemplateFileInvalid(f"{path.name}, {language}.{channel}: declared or used, not both: {odd}")
            yield template
