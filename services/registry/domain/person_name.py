"""A person's name in parts, as FHIR's HumanName has them, and how a full name is split into them."""

from pydantic import BaseModel, ConfigDict

_PREFIXES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "shri", "smt", "kumari", "master", "baby"})


class PersonName(BaseModel):
    """People with one name have no family name."""

    model_config = ConfigDict(frozen=True)

    given: str
    family: str | None = None
    prefix: str | None = None

    @classmethod
    def parse(cls, text: str) -> "PersonName":
        """Split a full name: an honorific in front, the last word as family name, the rest is given."""
        words = text.split()
        prefix = words.pop(0) if len(words) > 1 and words[0].rstrip(".").casefold() in _PREFIXES else None
        family = words.pop() if len(words) > 1 else None
        return cls(given=" ".join(words), family=family, prefix=prefix)

    @property
    def text(self) -> str:
        """The name as people write it."""
        return " ".join(part for part in (self.prefix, self.given, self.family) if part)

    @property
    def unprefixed(self) -> str:
        """The name without its honorific: what is compared and searched."""
        return " ".join(part for part in (self.given, self.family) if part)
