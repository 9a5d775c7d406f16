"""The base of commands: what a use case is asked to do, frozen, with nothing in it that was not asked for."""

from pydantic import BaseModel, ConfigDict


class Command(BaseModel):
    """Subclass it next to the use case that takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
