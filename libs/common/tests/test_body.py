"""A request's body is taken as it is written: no value is made to fit its field."""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from libs.common.web.body import Body


class Sex(StrEnum):
    FEMALE = "female"


class Hours(BaseModel):
    start: time


class HoursBody(Hours, Body): ...


class Part(Body):
    born: date


class Registration(Body):
    at: datetime
    hold: bool = False
    age_years: Annotated[int, Field(ge=0)] | None = None
    weight: float = 0
    numbers: list[int] = []
    named: dict[str, int] = {}
    sex: Sex | None = None
    part: Part | None = None
    hours: list[HoursBody] = []


class LateRegistration(Registration):
    reason: str = ""


AT = "2026-12-01T09:30:00+05:30"


@pytest.mark.parametrize("model", [Registration, LateRegistration])
def test_what_is_written_as_it_should_be_is_taken(model: type[Registration]) -> None:
    taken = model.model_validate(
        {
            "at": AT,
            "hold": True,
            "age_years": 12,
            "weight": 61,
            "numbers": [1],
            "named": {"a": 1},
            "sex": "female",
            "part": {"born": "1990-02-28"},
            "hours": [{"start": "09:00"}, {"start": "09:00:00"}],
        }
    )
    assert taken.at == datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
    assert (taken.weight, taken.sex, taken.hours[0].start) == (61.0, Sex.FEMALE, time(9))
    assert taken.part is not None
    assert taken.part.born == date(1990, 2, 28)


@pytest.mark.parametrize("model", [Registration, LateRegistration])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hold", "yes"),
        ("hold", 1),
        ("age_years", "12"),
        ("age_years", True),
        ("age_years", 12.0),
        ("weight", "61.5"),
        ("weight", True),
        ("numbers", ["1"]),
        ("named", {"a": "1"}),
        ("at", 1690000000),
        ("at", "1690000000"),
        ("at", "2026-12-01"),
        ("at", "2026-12-01 09:30"),
        ("at", "20261201T093000Z"),
        ("at", True),
        ("part", {"born": 0}),
        ("part", {"born": "0"}),
        ("part", {"born": "1990-02-28T00:00:00Z"}),
        ("hours", [{"start": 32400}]),
        ("hours", [{"start": "32400"}]),
    ],
)
def test_nothing_is_made_to_fit(model: type[Registration], field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"at": AT, field: value})
    assert [error["loc"][0] for error in refused.value.errors()] == [field]


def test_the_words_for_a_time_show_one() -> None:
    with pytest.raises(ValidationError, match=r"Send a text such as 2026-12-01T09:30:00\+05:30"):
        Registration.model_validate({"at": 0})


def test_the_public_schema_is_that_of_the_types() -> None:
    shown = LateRegistration.model_json_schema()["properties"]
    assert shown["at"] == {"format": "date-time", "title": "At", "type": "string"}
    assert shown["hold"]["type"] == "boolean"
