"""India's DLT rules for commercial SMS: registered texts, registered links, and hours for advertising.

Source: TRAI's TCCCPR 2018 and the operators' DLT guidelines. A `{#var#}` stands for 1 to 30 characters.
"""

import re
from datetime import datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sandbox.sms.errors import SmsError

IST = timezone(timedelta(hours=5, minutes=30), "IST")
OPENS, CLOSES = time(10), time(21)
VARIABLE = "{#var#}"
VARIABLE_CHARACTERS = 30
LINK = re.compile(r"https?://[^\s]+", re.IGNORECASE)


class Category(StrEnum):
    """What a template was registered as."""

    TRANSACTIONAL = "transactional"
    SERVICE_IMPLICIT = "service_implicit"
    SERVICE_EXPLICIT = "service_explicit"
    PROMOTIONAL = "promotional"

    @property
    def is_advertising(self) -> bool:
        """Whether it may go out only between 10:00 and 21:00 IST."""
        return self in (Category.SERVICE_EXPLICIT, Category.PROMOTIONAL)


class DltTemplate(BaseModel):
    """A registered text. `urls`: whitelisted beginnings of links that its variables may carry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body: str = Field(min_length=1, max_length=2_000)
    category: Category
    urls: tuple[Annotated[str, Field(max_length=300)], ...] = Field((), max_length=20)

    def check(self, body: str, at: datetime) -> None:
        """Raises SmsError when the operator would not let this text pass at this moment."""
        if not _fits(self.body, body):
            raise SmsError(400, "DLT_TEMPLATE_MISMATCH", "The body is not the registered text.")
        for link in LINK.findall(body):
            if link not in self.body and not link.startswith(self.urls):
                raise SmsError(400, "DLT_URL_NOT_WHITELISTED", f"{link} is not registered for this template.")
        if self.category.is_advertising and not OPENS <= at.astimezone(IST).time() < CLOSES:
            raise SmsError(400, "DLT_TIME_WINDOW", f"{self.category} messages go out 10:00-21:00 IST only.")


def _fits(template: str, body: str) -> bool:
    """Whether the body is the template with every variable filled in.

    Follows all possible ends of the part read so far, so that no template can make it slow, as a regular
    expression with many adjacent variables would be.
    """
    first, *rest = template.split(VARIABLE)
    ends = {len(first)} if body.startswith(first) else set()
    for literal in rest:
        ends = {
            end + length + len(literal)
            for end in ends
            for length in range(1, VARIABLE_CHARACTERS + 1)
            if body.startswith(literal, end + length)
        }
    return len(body) in ends
