"""What every aggregate has: an id, a tenant, a revision that guards concurrent writes, and two dates."""

from datetime import UTC, datetime

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

_UNSAVED = datetime(1970, 1, 1, tzinfo=UTC)


class Aggregate(BaseModel):
    """Base of domain models that are stored, one document each.

    State moves are methods of the subclass. `revision` is 0 until stored and grows by one with every
    commit; it is the ETag, and the `seq` of the events about the aggregate.
    """

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True)

    id: str = Field(validation_alias=AliasChoices("_id", "id"))
    clinic_id: str
    revision: int = 0
    created_at: datetime = _UNSAVED
    updated_at: datetime = _UNSAVED

    @property
    def subject_id(self) -> str | None:
        """Whose record this is part of, if anybody's; audit entries carry it so that people can ask."""
        return None
